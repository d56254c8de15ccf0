/** Makes the image of the controller, without Docker: `npm run image -- --output controller.tar`, or
 *  `-- --push REGISTRY/dyninka:TAG`. What it takes from this machine beside Node: Git, ssh, a shell, and npm. */
import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { mkdir, mkdtemp, realpath, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import {
  baseImage,
  blobsOf,
  fileLayer,
  imageOf,
  parseReference,
  programEntries,
  pushBase,
  Registry,
  Repository,
  type TarEntry,
  user,
  writeLayoutTar,
} from '../builder/image/index.ts'
import { controllerFlags } from '../controller/controller-flags.ts'

const { values } = parseArgs({
  options: { output: { type: 'string' }, push: { type: 'string' }, name: { type: 'string' } },
})
const { output, push, name = 'dyninka.dev/controller:latest' } = values
if (!output && !push) throw new Error('where to? --output FILE, or --push REGISTRY/REPOSITORY:TAG')

const project = fileURLToPath(new URL('..', import.meta.url))
const home = 'dyninka'
const gitCore = execFileSync('git', ['--exec-path'], { encoding: 'utf8' }).trim()
const programs = ['git', 'ssh', 'ssh-keygen', 'setsid'].map(name => ({
  path: `/usr/bin/${name}`,
  file: which(name),
}))

const folder = await mkdtemp(join(tmpdir(), 'dyninka-image-'))
try {
  const dist = join(folder, 'dist')
  execFileSync(process.execPath, [join(project, 'package/build.ts'), dist], { stdio: 'inherit' })
  const { image: base } = await baseImage({
    node: process.execPath,
    compression: 'none',
    folder: await made('base'),
  })
  const system = await fileLayer(await systemEntries(), {
    folder: await made('system'),
    compression: 'gzip',
    createdBy: 'Git, ssh and npm',
  })
  const own = [...(await filesBelow(dist, home)), ...(await dependencies())]
  const application = await fileLayer(own, {
    folder: await made('application'),
    compression: 'gzip',
    createdBy: 'dyninka controller',
  })
  const image = imageOf({
    platform: base.platform,
    layers: [...base.layers, system, application],
    execution: {
      User: user,
      Env: ['PATH=/usr/local/bin:/usr/bin:/bin', 'HOME=/tmp'],
      Entrypoint: ['/usr/local/bin/node', ...controllerFlags, `/${home}/cli/main.js`],
      Cmd: ['controller'],
      WorkingDir: '/tmp',
    },
    annotations: { 'org.opencontainers.image.title': 'Dyninka' },
  })
  if (output) {
    await writeLayoutTar(output, { root: image.manifest, blobs: blobsOf(image), name })
    console.log(`${output} holds ${name}, ${image.manifest.descriptor.digest}`)
  }
  if (push) {
    const { registry: address, repository, tag = 'latest' } = parseReference(push)
    const registry = new Registry(address, {})
    const { digest } = await pushBase(image, new Repository(registry, repository), tag)
    registry.close()
    console.log(`${push}@${digest}`)
  }
} finally {
  await rm(folder, { recursive: true, force: true })
}

async function made(name: string): Promise<string> {
  const path = join(folder, name)
  await mkdir(path)
  return path
}

function which(program: string): string {
  const { stdout } = spawnSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' })
  if (!stdout) throw new Error(`${program} is not installed here, and the image has that of this machine`)
  return stdout.trim()
}

async function systemEntries(): Promise<TarEntry[]> {
  const npm = join(await realpath(which('npm')), '../..')
  return [
    ...(await programEntries([
      ...programs,
      { path: '/bin/sh', file: which('sh') },
      { path: `${gitCore}/git-remote-https`, file: `${gitCore}/git-remote-https` },
    ])),
    link(`${gitCore}/git-remote-http`, 'git-remote-https'),
    link(`${gitCore}/git`, '/usr/bin/git'),
    { path: 'usr/share/git-core/templates', content: 'folder' },
    ...(await filesBelow(npm, 'usr/local/lib/node_modules/npm')),
    link('/usr/local/bin/npm', '../lib/node_modules/npm/bin/npm-cli.js'),
  ]
}

/** Of the package, as they lie beside it here; what is only needed to develop it stays behind. */
async function dependencies(): Promise<TarEntry[]> {
  const paths = execFileSync('npm', ['ls', '--omit=dev', '--all', '--parseable'], {
    cwd: project,
    encoding: 'utf8',
  })
  const inside = paths.split('\n').filter(path => path.includes('node_modules'))
  const all = await Promise.all(
    inside.map(path => filesBelow(path, join(home, relative(project, path)), ['node_modules'])),
  )
  return all.flat()
}

async function filesBelow(from: string, to: string, without: string[] = []): Promise<TarEntry[]> {
  const entries: TarEntry[] = []
  for (const item of readdirSync(from, { recursive: true, withFileTypes: true })) {
    const path = relative(from, join(item.parentPath, item.name))
    if (item.isDirectory() || without.some(name => path.split('/').includes(name))) continue
    const file = await realpath(join(from, path))
    const { size, mode } = await stat(file)
    entries.push({ path: join(to, path), mode: mode & 0o100 ? 0o755 : 0o644, content: { file, bytes: size } })
  }
  return entries
}

function link(path: string, to: string): TarEntry {
  return { path: path.replace(/^\/+/, ''), content: { link: to } }
}
