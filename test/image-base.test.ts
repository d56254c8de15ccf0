import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readElf } from '../builder/image/base/elf.ts'
import { ownArchitecture } from '../builder/image/base/node-binary.ts'
import { jsonBlob } from '../builder/image/blob.ts'
import { type BaseOptions, baseImage, writeLayoutTar } from '../builder/image/index.ts'
import { cli } from './support/cli.ts'
import { failure } from './support/failure.ts'
import { hasRegistry, startRegistry } from './support/registry.ts'

const run = promisify(execFile)
const Base = suite<{ folder: string }>('image: base')

Base.before.each(async context => {
  context.folder = await mkdtemp(join(tmpdir(), 'dyninka-base-'))
})
Base.after.each(({ folder }) => rm(folder, { recursive: true, force: true }))

/** Unpacks all layers of an archive, as a node would. */
async function unpack(archive: string, folder: string) {
  const [layout, root] = [join(folder, 'layout'), join(folder, 'root')]
  for (const path of [layout, root]) await mkdir(path)
  await run('tar', ['xf', archive, '-C', layout])
  const blob = (digest: string) => join(layout, 'blobs', digest.replace(':', '/'))
  const read = async (path: string) => JSON.parse(await readFile(path, 'utf8'))
  const { manifests } = await read(join(layout, 'index.json'))
  const manifest = await read(blob(manifests[0].digest))
  for (const { digest } of manifest.layers) await run('tar', ['xf', blob(digest), '-C', root])
  return { root, config: await read(blob(manifest.config.digest)), entry: manifests[0], blob, manifest }
}

Base(
  'is an archive from which Node runs as nobody, with nothing else of this machine',
  async ({ folder }) => {
    const output = join(folder, 'base.tar')
    const said = await cli([
      'base',
      '--output',
      output,
      '--runtime',
      '--name',
      'registry.example.org/base:1',
      '--json',
    ])
    assert.is(said.code, 0, said.stderr)
    const made = JSON.parse(said.stdout)
    assert.is(made.platform, `linux/${ownArchitecture}`)
    assert.is(made.node, process.versions.node)
    const { root, config, entry } = await unpack(output, folder)
    assert.is(entry.digest, made.digest)
    assert.is(entry.annotations['io.containerd.image.name'], 'registry.example.org/base:1')
    assert.is(config.config.User, '65532:65532')
    assert.is(config.config.Entrypoint.at(-1), '/dyninka/host.mjs')
    assert.match(await readFile(join(root, 'etc/passwd'), 'utf8'), 'nonroot:x:65532:65532')
    assert.match(await readFile(join(root, 'etc/ssl/certs/ca-certificates.crt'), 'utf8'), 'BEGIN CERTIFICATE')
    if (process.getuid?.() !== 0) return // only root may enter it
    const enter = (...args: string[]) =>
      run('chroot', ['--userspec=65532:65532', root, '/usr/local/bin/node', ...args])
    const script =
      'console.log(process.version, process.getuid(), Intl.DateTimeFormat("fr", { month: "long" }).format(0))'
    assert.is((await enter('-e', script)).stdout, `${process.version} 65532 janvier\n`)
    const host = await enter(...config.config.Entrypoint.slice(1)).catch(error => error)
    assert.match(host.stderr, 'DYNINKA_ENV') // it has no environment, but it is there
  },
)

Base('is pushed beside what the tag has, and is the same the next time', async ({ folder }) => {
  if (!hasRegistry()) return
  const registry = await startRegistry({ tls: true, users: { ci: 'secret' } })
  try {
    const auth = Buffer.from('ci:secret').toString('base64')
    await writeFile(join(folder, 'config.json'), JSON.stringify({ auths: { [registry.host]: { auth } } }))
    const push = (env: Record<string, string>) =>
      cli(
        [
          'base',
          '--push',
          `https://${registry.host}/base:24`,
          '--registry-ca',
          registry.caFile!,
          '--compress',
          'none',
          '--json',
        ],
        { env },
      )
    const refused = await push({ DOCKER_CONFIG: join(folder, 'none') })
    assert.is(refused.code, 1)
    assert.match(refused.stderr, 'docker login')
    const [first, second] = [await push({ DOCKER_CONFIG: folder }), await push({ DOCKER_CONFIG: folder })]
    assert.is(first.code, 0, first.stderr)
    const { pushed } = JSON.parse(first.stdout)
    assert.is(pushed.reference, `${registry.host}/base:24@${pushed.digest}`)
    assert.equal(pushed.platforms, [`linux/${ownArchitecture}`])
    assert.is(JSON.parse(second.stdout).pushed.digest, pushed.digest)
    assert.ok(JSON.parse(second.stdout).pushed.bytesPushed < 10_000, 'the layer is there')
  } finally {
    await registry.close()
  }
})

const loader = '/lib64/ld-linux-x86-64.so.2'
/** A small program of this machine that says it is Node, altered. */
async function pretended(folder: string, alter: (program: Buffer) => void): Promise<string> {
  const program = Buffer.concat([await readFile('/bin/true'), Buffer.from('/node-v24.0.0.tar.gz')])
  alter(program)
  const file = join(folder, 'node')
  await writeFile(file, program)
  return file
}
const nothing = () => {}
const forMusl = (program: Buffer) => program.write('/lib/ld-musl-x86_64.so.1\0\0\0', program.indexOf(loader))
const forArm = (program: Buffer) => program.writeUInt16LE(183, 18)
const forRiscV = (program: Buffer) => program.writeUInt16LE(243, 18)
const old = (program: Buffer) => program.write('/node-v20', program.indexOf('/node-v24'))

type Case = [
  what: string,
  options: (folder: string) => Options | Promise<Options>,
  message: RegExp,
  hint: RegExp,
]
type Options = Partial<BaseOptions>
const wrong: Case[] = [
  ['a path where nothing is', () => ({ node: '/nowhere/node' }), /no file \/nowhere\/node/, /--node/],
  ['a script', () => ({ node: import.meta.filename }), /no 64-bit program for Linux/, /npm pack/],
  ['a folder', folder => ({ node: folder }), /can not be read/, /--node/],
  ['another program', () => ({ node: '/bin/true' }), /which version of Node/, /--node/],
  ['an old Node', async folder => ({ node: await pretended(folder, old) }), /is Node 20\.0\.0/, /node@24/],
  ['a Node for musl', async folder => ({ node: await pretended(folder, forMusl) }), /musl/, /glibc/],
  [
    'one for ARM, without its libraries',
    async folder => ({ node: await pretended(folder, forArm) }),
    /no libraries for it/,
    /--libs/,
  ],
  [
    'one for ARM, where another was asked for',
    async folder => ({ architecture: 'amd64', node: await pretended(folder, forArm) }),
    /built for arm64, not for amd64/,
    /--arch/,
  ],
  [
    'one for a processor that is not known',
    async folder => ({ node: await pretended(folder, forRiscV) }),
    /other \(243\)/,
    /npm pack/,
  ],
  [
    'libraries that are not there',
    async folder => ({ libraries: [folder], node: await pretended(folder, nothing) }),
    /needs libc\.so\.6, which is not in/,
    /--libs/,
  ],
]
for (const [what, options, message, hint] of wrong) {
  Base(`from ${what}: says what to do`, async ({ folder }) => {
    const problem = await failure(
      baseImage({ node: process.execPath, compression: 'none', folder, ...(await options(folder)) }),
    )
    assert.is(problem.name, 'Problem')
    assert.match(problem.message, message)
    assert.match(problem.hint!, hint)
  })
}

Base('an archive that can not be written leaves nothing, and says what to do', async ({ folder }) => {
  const root = jsonBlob('application/json', {})
  for (const file of [join(folder, 'none/base.tar'), folder]) {
    const problem = await failure(writeLayoutTar(file, { root, blobs: [], name: 'a:1' }))
    assert.is(problem.reason, 'OutputUnwritable')
  }
  assert.equal(
    (await readdir(join(folder, '..'))).filter(name => name.startsWith(`${basename(folder)}.`)),
    [],
  )
})

for (const [args, says] of [
  [[], 'Name a file with --output'],
  [['--push', 'Registry/X'], 'lower-case'],
  [['--output', 'x.tar', '--ca', import.meta.filename], 'holds no certificate'],
  [['--output', 'x.tar', '--name', 'No Name'], 'lower-case'],
] as [string[], string][]) {
  Base(`wrong usage: ${args.join(' ')}`, async () => {
    const { code, stderr } = await cli(['base', ...args])
    assert.ok(code !== 0)
    assert.match(stderr, says)
  })
}

Base('reads what ELF files need as the tools of others do', async () => {
  const { stdout } = await run('ldd', [process.execPath])
  const elf = await readElf(process.execPath)
  for (const name of elf!.needed) assert.match(stdout, name)
  assert.ok(elf!.needed.includes('libc.so.6'))
  assert.is(elf!.architecture, ownArchitecture)
  assert.is(await readElf(import.meta.filename), undefined)
})

Base('torn ELF files are no ELF files, or lack what they lost', async ({ folder }) => {
  const whole = await readFile('/bin/true')
  for (const bytes of [0, 3, 40, 64, 100, 600, 3_000]) {
    const file = join(folder, 'torn')
    await writeFile(file, whole.subarray(0, bytes))
    const elf = await readElf(file)
    assert.ok(elf === undefined || elf.needed.length === 0)
  }
})

if (process.platform === 'linux') Base.run()
else console.log('Skipped: 18') // what is tested is Linux itself
