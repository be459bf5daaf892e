// biome-ignore lint/style/noDefaultExport: stands in for a module that has one
export default undefined
