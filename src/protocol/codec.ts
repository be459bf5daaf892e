/** The codec's door for the layers above: frames of requests and responses, version-prefixed data, errors. */
export { type DataName, type DecodedData, decodeData, encodeData } from './codec/data.ts'
export {
  type DecodedRequest,
  type DecodedResponse,
  decodeRequest,
  decodeRequestHeader,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  encodeResponseFrame,
  frame,
  type RequestHeader,
} from './codec/frames.ts'
export { Reader, type ReaderOptions } from './codec/reader.ts'
export { FrameSplitter } from './codec/splitter.ts'
export { Writer } from './codec/writer.ts'
export * from './fault.ts'
