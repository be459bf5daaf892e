/**
 * Builds `dist`: ESM and CommonJS for every library entry, the bundled terminal, the declarations and the third-party notices.
 *
 *   node scripts/build.mjs              build
 *   node scripts/build.mjs --if-stale   build only if a source file changed since the last build
 *
 * Everything is written beside `dist` first and swapped in at the end, so that a reader never sees half a build.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))

/** One line an entry of package.json's `exports`: its source, and whether CommonJS gets it too. */
const ENTRIES = [
  { name: 'index', source: 'src/index.ts', cjs: true },
  { name: 'kafkajs', source: 'src/kafkajs.ts', cjs: true },
]

/**
 * Loaded only when somebody listens: a file of its own, so that CommonJS, which cannot be split, does not wrap it into every entry.
 */
const LAZY = { name: 'server', source: 'src/server/listen.ts' }

const lazyApart = {
  name: 'lazy-apart',
  setup(builder) {
    builder.onResolve({ filter: /^\.\/server\/listen\.ts$/ }, () => ({ path: `./${LAZY.name}.js`, external: true }))
  },
}

/** Never bundled into a library entry: what the user's project brings. */
const PEERS = ['kafkajs', 'vitest', 'jest', '@jest/globals', 'fast-check', 'node:*']

/** What the build depends on: a change here makes `dist` stale. */
const INPUTS = ['src', 'lessons', 'scripts/build.mjs', 'package.json', 'package-lock.json', 'tsconfig.json']

const STAMP = '.built-from'

/** Ink's link to React's developer tools: never loaded in production, so never shipped. */
const withoutDevtools = {
  name: 'without-devtools',
  setup(builder) {
    builder.onLoad({ filter: /ink[\\/]build[\\/]devtools\.js$/ }, () => ({ contents: 'export {}' }))
  },
}

const stamp = await hashOf(INPUTS)
if (process.argv.includes('--if-stale') && (await stampOfDist()) === stamp) process.exit(0)

const out = join(root, '.kafkarium', `build-${process.pid}`)
const started = Date.now()
try {
  await mkdir(out, { recursive: true })
  const [metafiles] = await Promise.all([bundleAll(), declarations()])
  await writeFile(join(out, 'THIRD-PARTY-NOTICES.txt'), await notices(metafiles))
  await writeFile(join(out, STAMP), stamp)
  await swapIn()
  console.log(`built dist in ${Date.now() - started} ms`)
} finally {
  await rm(out, { recursive: true, force: true })
}

async function bundleAll() {
  const common = {
    absWorkingDir: root,
    bundle: true,
    conditions: ['kafkarium-source'],
    target: 'node20.19',
    platform: 'node',
    metafile: true,
    logLevel: 'warning',
    loader: { '.md': 'text' },
  }
  const entryPoints = (list) => Object.fromEntries(list.map((entry) => [entry.name, entry.source]))
  const library = { ...common, external: PEERS, minifySyntax: true }
  const results = await Promise.all([
    build({
      ...library,
      entryPoints: entryPoints(ENTRIES),
      format: 'esm',
      splitting: true,
      chunkNames: 'chunks/[name]-[hash]',
      outdir: join(out, 'esm'),
    }),
    build({
      ...library,
      entryPoints: entryPoints([...ENTRIES.filter((entry) => entry.cjs), LAZY]),
      format: 'cjs',
      outdir: join(out, 'cjs'),
      plugins: [lazyApart],
    }),
    build({
      ...common,
      entryPoints: { kafkarium: 'src/cli/kafkarium.ts', tui: 'src/tui/main.ts' },
      format: 'esm',
      splitting: true,
      chunkNames: '[name]-[hash]',
      outdir: join(out, 'cli'),
      minify: true,
      define: { 'process.env.NODE_ENV': '"production"', 'process.env.DEV': '"false"' },
      plugins: [withoutDevtools],
      // Ink and React reach for `require` of node builtins; an ES module has to make its own.
      banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
    }),
  ])
  await writeFile(join(out, 'cjs', 'package.json'), '{ "type": "commonjs" }\n')
  await chmod(join(out, 'cli', 'kafkarium.js'), 0o755)
  return results.map((result) => result.metafile)
}

/** The declarations are the same for both formats; only the folder's package.json tells them apart. */
async function declarations() {
  const types = join(out, 'types')
  const config = join(out, 'tsconfig.json')
  await writeFile(
    config,
    JSON.stringify({
      extends: join(root, 'tsconfig.json'),
      compilerOptions: {
        noEmit: false,
        declaration: true,
        emitDeclarationOnly: true,
        rewriteRelativeImportExtensions: true,
        rootDir: join(root, 'src'),
        outDir: types,
        typeRoots: [join(root, 'node_modules/@types')],
      },
      files: ENTRIES.map((entry) => join(root, entry.source)),
      include: [],
    }),
  )
  await run(process.execPath, [join(root, 'node_modules/typescript/lib/tsc.js'), '-p', config])
  for (const file of await filesUnder(types)) {
    if (!file.endsWith('.d.ts')) continue
    // A declaration may name another one as './x.ts'; consumers know it as './x.js'.
    const text = (await readFile(file, 'utf8')).replace(
      /((?:from|import)\s*\(?\s*['"]\.{1,2}\/[^'"]*?)\.ts(['"])/g,
      '$1.js$2',
    )
    for (const format of ['esm', 'cjs']) {
      const target = join(out, format, relative(types, file))
      await mkdir(join(target, '..'), { recursive: true })
      await writeFile(target, text)
    }
  }
  await rm(types, { recursive: true, force: true })
  await rm(config)
}

/** The licences of every package esbuild says it bundled. */
async function notices(metafiles) {
  const folders = new Set()
  for (const metafile of metafiles) {
    for (const output of Object.values(metafile.outputs)) {
      for (const [input, { bytesInOutput }] of Object.entries(output.inputs)) {
        const match = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)
        if (match && bytesInOutput > 0) folders.add(match[1])
      }
    }
  }
  const blocks = []
  for (const folder of folders) {
    const manifest = JSON.parse(await readFile(join(root, folder, 'package.json'), 'utf8'))
    const names = await readdir(join(root, folder))
    const texts = []
    for (const name of names.filter((file) => /^(licen[cs]e|notice|copying)/i.test(file)).sort()) {
      texts.push((await readFile(join(root, folder, name), 'utf8')).trim())
    }
    const licence = typeof manifest.license === 'string' ? manifest.license : 'see below'
    const author = typeof manifest.author === 'string' ? manifest.author : (manifest.author?.name ?? '')
    blocks.push({
      title: `${manifest.name} ${manifest.version} (${licence})`,
      text: texts.length > 0 ? texts.join('\n\n') : `Licence: ${licence}. ${author ? `Author: ${author}` : ''}`.trim(),
    })
  }
  blocks.sort((a, b) => (a.title < b.title ? -1 : 1))
  const rule = '-'.repeat(78)
  return [
    'kafkarium bundles the following packages into its library and its terminal program.',
    '',
    ...blocks.flatMap(({ title, text }) => [rule, title, rule, '', text, '']),
  ].join('\n')
}

/** Replaces `dist` by the new build; the old one is moved away first, so the gap is two renames long. */
async function swapIn() {
  const dist = join(root, 'dist')
  const old = join(root, '.kafkarium', `old-${process.pid}`)
  await rename(dist, old).catch((error) => {
    if (error.code !== 'ENOENT') throw error
  })
  await rename(out, dist)
  await rm(old, { recursive: true, force: true })
}

function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
    child.on('error', reject)
    child.on('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`${args.join(' ')} ended with code ${code}`)),
    )
  })
}

async function filesUnder(folder) {
  const found = []
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) found.push(join(entry.parentPath, entry.name))
  }
  return found.sort()
}

async function hashOf(paths) {
  const hash = createHash('sha256')
  for (const path of paths) {
    const full = join(root, path)
    const files = /\.[a-z]+$/.test(path) ? [full] : await filesUnder(full)
    for (const file of files) {
      hash.update(relative(root, file).split(sep).join('/'))
      hash.update(await readFile(file))
    }
  }
  return hash.digest('hex')
}

async function stampOfDist() {
  try {
    return await readFile(join(root, 'dist', STAMP), 'utf8')
  } catch {
    return ''
  }
}
