/** The tarball as npm would publish it, installed by hand in an empty project: nothing is taken from this checkout. */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { importsOf } from '../support/sources.ts'
import { CONSUMER, TYPED } from './consumer.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const require = createRequire(import.meta.url)
let project: string
let installed: string

beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), 'kafkarium-package-'))
  execFileSync('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', project], { cwd: root })
  const tarball = readdirSync(project).find((name) => name.endsWith('.tgz')) ?? ''
  installed = join(project, 'node_modules', 'kafkarium')
  mkdirSync(installed, { recursive: true })
  execFileSync('tar', ['-xzf', join(project, tarball), '-C', installed, '--strip-components=1'])
  writeFileSync(join(project, 'package.json'), '{ "name": "somebody", "private": true }')
  for (const [name, text] of Object.entries(CONSUMER)) writeFileSync(join(project, name), text)
})
afterAll(() => rmSync(project, { recursive: true, force: true }))

const run = (args: readonly string[], env: Record<string, string> = {}) => {
  const inherited = { PATH: process.env.PATH ?? '', HOME: project, CI: 'true', NO_COLOR: '1' }
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: project,
    encoding: 'utf8',
    env: { ...inherited, ...env },
  })
  return { status, output: `${stdout}${stderr}` }
}

const binOf = (name: string, bin: string) => join(dirname(require.resolve(`${name}/package.json`)), bin)

describe('one test file, every runner', () => {
  test('vitest', () => {
    const config = join(project, 'vitest.config.mjs')
    writeFileSync(config, "export default { test: { globals: true, include: ['*.test.mjs'], cache: false } }")
    const { status, output } = run([binOf('vitest', 'vitest.mjs'), 'run', '--config', config, '--root', project])
    expect(status, output).toBe(0)
    expect(output).toMatch(/Tests\s+3 passed/)
  })

  test.each([
    ['CommonJS', 'cjs', {}],
    ['ES modules', 'mjs', { NODE_OPTIONS: '--experimental-vm-modules --no-warnings' }],
  ])('jest, %s', (_name, extension, env) => {
    const config = JSON.stringify({
      rootDir: project,
      testEnvironment: 'node',
      testMatch: [`**/*.test.${extension}`],
      transform: {},
      moduleFileExtensions: ['js', 'mjs', 'cjs', 'json'],
    })
    const { status, output } = run([binOf('jest', 'bin/jest.js'), '--config', config, '--no-cache', '--ci'], env)
    expect(status, output).toBe(0)
    expect(output).toMatch(/Tests:\s+3 passed/)
  })
})

describe('plain Node', () => {
  test.each([
    [
      'import',
      [
        '--input-type=module',
        '-e',
        "import { createCluster } from 'kafkarium'; await createCluster().dispose(); console.log('ok')",
      ],
    ],
    [
      'require',
      ['--input-type=commonjs', '-e', "require('kafkarium').createCluster().dispose().then(() => console.log('ok'))"],
    ],
  ])('%s', (_name, args) => {
    const { status, output } = run(args)
    expect(output).toBe('ok\n')
    expect(status).toBe(0)
  })

  test('the program runs from the installed package', () => {
    const { status, output } = run([join(installed, 'dist/cli/kafkarium.js'), '--lang', 'ko'])
    expect(status, output).toBe(0)
    expect(output).toContain('큐가 아니라 로그')
  })
})

describe('types', () => {
  test.each([
    ['an ES module', 'typed.mts', 'NodeNext', 'NodeNext'],
    ['CommonJS', 'typed.cts', 'NodeNext', 'NodeNext'],
    ['a bundler', 'typed.ts', 'ESNext', 'Bundler'],
  ])('%s', (_name, file, module, moduleResolution) => {
    writeFileSync(join(project, file), TYPED)
    const { status, output } = run([
      binOf('typescript', 'lib/tsc.js'),
      ...['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--target', 'ES2022', '--types', 'node'],
      ...['--typeRoots', join(root, 'node_modules/@types'), '--lib', 'ES2022,ESNext.Disposable'],
      ...['--module', module, '--moduleResolution', moduleResolution, file],
    ])
    expect(output).toBe('')
    expect(status).toBe(0)
  })
})

describe('what is in it', () => {
  const manifest = () => JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))

  test('no run-time dependencies, and none hidden in the core', () => {
    expect(manifest().dependencies).toBeUndefined()
    expect(manifest().peerDependencies).toBeUndefined()
    const code = (format: string) =>
      readdirSync(join(installed, 'dist', format), { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('.js'))
        .map((file) => readFileSync(join(installed, 'dist', format, file), 'utf8'))
    const imported = code('esm').flatMap((text) => importsOf(text).map(({ specifier }) => specifier))
    const required = code('cjs').flatMap((text) =>
      [...text.matchAll(/\brequire\("([^"]+)"\)/g)].map((match) => match[1] ?? ''),
    )
    expect([...imported, ...required].filter((name) => !name.startsWith('node:') && !name.startsWith('.'))).toEqual([])
  })

  test('what it says it has, it has', () => {
    const { exports, bin, main, types } = manifest()
    const files: string[] = []
    const collect = (value: unknown, key = '') => {
      if (typeof value === 'string' && key !== 'kafkarium-source') files.push(value)
      else if (typeof value === 'object' && value !== null)
        for (const [name, inner] of Object.entries(value)) collect(inner, name)
    }
    collect([exports, bin, main, types])
    expect(files.filter((file) => !existsSync(join(installed, file)))).toEqual([])
  })

  test('what its pages link to and its messages name is with it', () => {
    const pages = ['README.md', 'CHANGELOG.md', ...readdirSync(join(installed, 'docs')).map((name) => `docs/${name}`)]
    const links = pages.flatMap((page) =>
      [...readFileSync(join(installed, page), 'utf8').matchAll(/\]\(([^)#]+)/g)]
        .map((match) => match[1] ?? '')
        .filter((link) => !/^https?:/.test(link))
        .map((link) => join(dirname(page), link)),
    )
    const code = readFileSync(join(installed, 'dist/cjs/index.js'), 'utf8')
    // In comments there may be pages of the repository.
    const named = code
      .split('\n')
      .filter((line) => !/^\s*(\/\/|\/?\*)/.test(line))
      .flatMap((line) => [...line.matchAll(/docs\/[\w-]+\.md/g)].map(String))
    expect([links.length > 10, named.length > 2]).toEqual([true, true])
    expect([...links, ...named].filter((file) => !existsSync(join(installed, file)))).toEqual([])
    expect(existsSync(join(installed, 'docs/decisions'))).toBe(false)
  })

  test('licence and notices are with it, sources and tests are not', () => {
    expect(readFileSync(join(installed, 'LICENSE'), 'utf8')).toContain('Apache License')
    const notices = readFileSync(join(installed, 'dist/THIRD-PARTY-NOTICES.txt'), 'utf8')
    for (const name of ['ink', 'react', 'commander', 'string-width', 'marked', 'yoga-layout', 'signal-exit']) {
      expect(notices).toMatch(new RegExp(`^${name} \\d`, 'm'))
    }
    expect(readdirSync(installed).filter((name) => ['src', 'test', 'lessons', 'node_modules'].includes(name))).toEqual(
      [],
    )
  })
})
