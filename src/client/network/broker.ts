/**
 * One broker: its two connections (KJ19) and the API versions it advertised. A member that works while it joins has a third one, as
 * Java's consumers have one for their coordinator: a broker answers the requests of a connection in order, and a join waits long.
 */
import { API } from '../../protocol/apis.ts'
import { makeApiVersionsRequest } from '../../protocol/make.ts'
import type { ApiName, RequestOf, ResponseOf } from '../../protocol/messages.ts'
import type { ClientContext } from '../context.ts'
import { KafkaJSNonRetriableError } from '../errors/base.ts'
import { viewError } from '../errors/classify.ts'
import { errorFromCode, throwOnError } from '../errors/protocol-errors.ts'
import { shared } from '../sync/shared.ts'
import type { ApiVersions } from '../types/metadata.ts'
import { type AdvertisedVersions, apiVersionsCandidates, negotiateVersion } from './api-versions.ts'
import { Channel, type ChannelRequestOptions, type NetworkOptions } from './channel.ts'

const UNSUPPORTED_VERSION = 35

export interface BrokerAddress {
  readonly host: string
  readonly port: number
  readonly rack: string | null
}

export interface SendOptions<A extends ApiName> extends ChannelRequestOptions {
  /** Throws if the answer carries an error. Runs inside `send` so that the error is logged with its request. */
  readonly check?: (response: ResponseOf<A>) => void
  /** Default true. */
  readonly logErrors?: boolean
  /** Instead of kafkajs's: for an opt-in that needs a newer version. */
  readonly maxVersion?: number
  /** On the third connection. */
  readonly isApart?: boolean
}

export class BrokerClient {
  readonly host: string
  readonly port: number
  rack: string | null
  /** As a string, as in kafkajs's events; `undefined` for a seed broker until metadata tells who it is. */
  nodeId: string | undefined
  readonly #main: Channel
  readonly #fetch: Channel
  /** Opened when it is needed. */
  readonly #apart: Channel
  readonly #network: NetworkOptions
  readonly #connect: () => Promise<void>
  #versions: AdvertisedVersions | undefined

  constructor(context: ClientContext, network: NetworkOptions, { host, port, rack }: BrokerAddress, nodeId?: string) {
    this.host = host
    this.port = port
    this.rack = rack
    this.nodeId = nodeId
    this.#network = network
    this.#main = new Channel(context, network, host, port)
    this.#fetch = new Channel(context, network, host, port)
    this.#apart = new Channel(context, network, host, port)
    this.#connect = shared(async () => {
      await this.#main.open()
      // KJ18 is not copied: every broker is asked itself, and a failed question leaves the broker unconnected.
      if (this.#versions === undefined) {
        try {
          this.#versions = await this.#askVersions()
        } catch (error) {
          await this.#main.close()
          throw error
        }
      }
    })
  }

  isConnected(): boolean {
    return this.#versions !== undefined && (this.#main.isOpen || this.#fetch.isOpen)
  }

  async connect(): Promise<void> {
    if (!this.isConnected()) await this.#connect()
  }

  /** Waits for outstanding answers, as kafkajs does. */
  async disconnect(): Promise<void> {
    await Promise.all([this.#main.close(), this.#fetch.close(), this.#apart.close()])
  }

  hasApi(api: ApiName): boolean {
    return this.#versions?.has(API[api].key) ?? false
  }

  /** Whether it answers requests of this version. */
  hasVersion(api: ApiName, version: number): boolean {
    return (this.#versions?.get(API[api].key)?.max ?? -1) >= version
  }

  async send<A extends ApiName>(api: A, body: RequestOf<A>, options: SendOptions<A> = {}): Promise<ResponseOf<A>> {
    if (this.#versions === undefined) await this.#connect()
    const version = negotiateVersion(api, this.#versions ?? new Map(), options.maxVersion)
    const channel = api === 'Fetch' ? this.#fetch : options.isApart === true ? this.#apart : this.#main
    let response: ResponseOf<A>
    try {
      response = await channel.request(api, version, body, options)
    } catch (error) {
      if (viewError(error).name === 'KafkaJSConnectionClosedError') await this.disconnect()
      throw error
    }
    if (options.check !== undefined && options.noResponse !== true) {
      try {
        options.check(response)
      } catch (error) {
        if (options.logErrors !== false) channel.logError(api, version, viewError(error).message)
        throw error
      }
    }
    return response
  }

  async apiVersions(): Promise<ApiVersions> {
    await this.#main.open()
    const advertised = await this.#askVersions()
    const result: ApiVersions = {}
    for (const [key, { min, max }] of advertised) result[key] = { minVersion: min, maxVersion: max }
    return result
  }

  async #askVersions(): Promise<AdvertisedVersions> {
    for (const version of apiVersionsCandidates) {
      const response = await this.#main.request(
        'ApiVersions',
        version,
        makeApiVersionsRequest({ clientSoftwareName: 'kafkarium', clientSoftwareVersion: '0' }),
        { atLeastMs: this.#network.connectionTimeoutMs },
      )
      if (response.errorCode === UNSUPPORTED_VERSION) continue
      if (response.errorCode !== 0) {
        this.#main.logError('ApiVersions', version, errorFromCode(response.errorCode).message)
        throwOnError(response.errorCode)
      }
      return new Map(
        response.apiKeys.map(({ apiKey, minVersion, maxVersion }) => [apiKey, { min: minVersion, max: maxVersion }]),
      )
    }
    throw new KafkaJSNonRetriableError('API Versions not supported')
  }
}
