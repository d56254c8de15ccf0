import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { progress } from './progress.ts'

/** In the order in which they are built: what one of them took to compile, the next ones have. */
export const tools = [
  'kube-apiserver',
  'kubectl',
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
  'kube-proxy',
] as const
/** Built when a suite asks for them. */
const more = {
  helm: 'helm.sh/helm/v4/cmd/helm',
  'metrics-server': 'sigs.k8s.io/metrics-server/cmd/metrics-server',
}
export type Tool = (typeof tools)[number] | keyof typeof more

const module = fileURLToPath(new URL('kubernetes', import.meta.url))
// Where Go's own installer puts it, for a shell that does not have it on its path.
const env = {
  ...process.env,
  PATH: [process.env.PATH, '/usr/local/go/bin'].join(delimiter),
  CGO_ENABLED: '0',
}
const goVersion = () => spawnSync('go', ['version'], { env, encoding: 'utf8' }).stdout ?? ''

export const hasGo = () => goVersion() !== ''

/** Of Kubernetes, as `kubernetes/go.mod` has it. */
const version = () =>
  /^\s*k8s\.io\/kubernetes (v\S+)/m.exec(readFileSync(join(module, 'go.mod'), 'utf8'))![1]!

/** Outside the checkout, so that every clone on this machine shares what was built; other versions, other folders. */
function cacheFolder(): string {
  const sum = createHash('sha256')
    .update(readFileSync(join(module, 'go.sum')))
    .update(goVersion())
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache')
  return join(cache, 'dyninka', 'tools', `kubernetes-${version()}-${sum.digest('hex').slice(0, 12)}`)
}

/**
 * A program that `kubernetes/go.mod` names, built when it is not in the cache yet: the first takes minutes.
 *
 * @returns its path
 * @throws with the end of what the compiler said
 */
export async function tool(name: Tool): Promise<string> {
  const folder = cacheFolder()
  const program = join(folder, name)
  if (existsSync(program)) return program
  await mkdir(folder, { recursive: true })
  const [, gitMajor, gitMinor] = /^v(\d+)\.(\d+)/.exec(version())!
  const versions = Object.entries({ gitVersion: version(), gitMajor, gitMinor })
    .map(([key, value]) => `-X k8s.io/component-base/version.${key}=${value}`)
    .join(' ')
  const path = name in more ? more[name as keyof typeof more] : `k8s.io/kubernetes/cmd/${name}`
  // One build at a time on this machine, and none twice: who waited for the lock finds the program.
  const script = 'to=$1; shift; [ -x "$to" ] || { go build -o "$to.new" "$@" && mv "$to.new" "$to"; }'
  const build = [program, '-trimpath', '-ldflags', `-s -w ${versions}`, path]
  const args = [join(folder, 'lock'), 'sh', '-c', script, 'sh', ...build]
  const what = name in more ? name : `${name} ${version()}`
  const done = progress(`building ${what}, once for this machine`)
  const child = spawn('flock', args, { cwd: module, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (output += chunk))
  const [code] = await once(child, 'close')
  done()
  if (code !== 0) throw new Error(`go could not build ${name}:\n${output.slice(-2_000)}`)
  await forgetOlder(folder)
  return program
}

/** Removes what was built of other versions a month ago: each is half a gigabyte. */
async function forgetOlder(folder: string): Promise<void> {
  for (const other of globSync(join(folder, '..', 'kubernetes-*')))
    if (other !== folder && Date.now() - statSync(other).mtimeMs > 30 * 24 * 3_600_000)
      await rm(other, { recursive: true, force: true })
}
