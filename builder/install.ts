import { type ChildProcess, spawn } from 'node:child_process'
import { copyFile, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { Complaint } from './complaint.ts'
import type { Lock, Manifest } from './lock.ts'
import { isTaken, markUsed, temporaryFolder } from './store.ts'

export interface Wanted {
  manifest: Manifest
  lock: Lock
  npmrc?: string | undefined
  /** Where packages named by a path (`file:…tgz`) are. */
  folder: string
  /** Of the lock file, for messages. */
  name: string
}

/**
 * Installs a lock file once per store, without running any script of a package.
 * @returns the folder that holds `node_modules`; it never changes again @throws Complaint
 */
export async function install(
  store: string,
  digest: string,
  wanted: Wanted,
  options: { signal?: AbortSignal; onProgress?: (message: string) => void },
): Promise<string> {
  const path = resolve(store, 'deps', digest)
  if (await isFolder(path)) {
    await markUsed(path)
    return path
  }
  const count = Object.keys(wanted.lock.packages ?? {}).length - 1
  options.onProgress?.(`installing ${count} npm ${count === 1 ? 'package' : 'packages'} of ${wanted.name}`)
  const fresh = await temporaryFolder(store)
  try {
    await writeFile(join(fresh, 'package.json'), JSON.stringify(wanted.manifest))
    await writeFile(join(fresh, 'package-lock.json'), JSON.stringify(wanted.lock))
    if (wanted.npmrc !== undefined) await writeFile(join(fresh, '.npmrc'), wanted.npmrc)
    await copyTarballs(wanted, fresh)
    await npmCi(fresh, wanted.name, options.signal)
    await mkdir(dirname(path), { recursive: true })
    await rename(fresh, path).catch(error => {
      if (!isTaken(error)) throw error // else somebody else installed the same meanwhile
    })
    return path
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
}

async function copyTarballs({ lock, folder }: Wanted, to: string): Promise<void> {
  for (const { resolved } of Object.values(lock.packages ?? {})) {
    const file = /^file:(?!\/)(?!.*\.\.)(.+\.t(?:ar\.)?gz)$/.exec(resolved ?? '')?.[1]
    if (!file) continue
    await mkdir(dirname(join(to, file)), { recursive: true })
    await copyFile(join(folder, file), join(to, file)).catch(() => {}) // npm names the one that is missing
  }
}

async function npmCi(cwd: string, lockName: string, signal?: AbortSignal): Promise<void> {
  const flags = ['--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--json', '--loglevel=error']
  const npm = spawn('npm', ['ci', ...flags], {
    cwd,
    env: environment(),
    shell: process.platform === 'win32', // npm is a .cmd there; nothing here comes from a user
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own: npm is often a script that starts another program, which would go on.
    detached: process.platform !== 'win32',
  })
  const stop = () => endGroup(npm)
  signal?.addEventListener('abort', stop, { once: true })
  if (signal?.aborted) stop()
  const ended = new Promise<number | null>((resolve, reject) => npm.on('close', resolve).on('error', reject))
  const [code, output] = await Promise.all([
    ended.catch(error => {
      throw new Complaint(
        'npm-missing',
        `npm does not start: ${error.message}`,
        'Install npm, or put it in PATH.',
      )
    }),
    text(npm.stdout),
    text(npm.stderr),
  ])
  signal?.removeEventListener('abort', stop)
  signal?.throwIfAborted()
  if (code !== 0) throw complaint(output, lockName)
}

function endGroup({ pid }: ChildProcess) {
  if (pid === undefined) return
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, 'SIGKILL')
  } catch {} // it has ended
}

/** npm's own report of what went wrong, told apart by its code. */
function complaint(output: string, lockName: string): Complaint {
  let error: { code?: string; summary?: string } = {}
  try {
    error = JSON.parse(output).error ?? {}
  } catch {} // it died before it could report
  const why =
    [error.code, error.summary?.trim().split('\n')[0]].filter(Boolean).join(': ') || 'no reason given'
  const unreachable = /^(E5\d\d|E429|ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|ENETUNREACH)$/
  if (unreachable.test(error.code ?? ''))
    return new Complaint(
      'registry-unreachable',
      `npm could not fetch the packages of ${lockName} (${why})`,
      'It is tried again with the next build; check the network and the registry.',
    )
  const hint =
    error.code === 'EUSAGE'
      ? 'package.json and its lock file disagree: run `npm install` and commit package-lock.json.'
      : 'Run `npm ci` there to see the whole reason, mend it, and commit package-lock.json.'
  return new Complaint('install-failed', `npm could not install the packages of ${lockName} (${why})`, hint)
}

/** What npm needs, and none of the controller's secrets: an `.npmrc` can send any variable to a registry. */
function environment(): NodeJS.ProcessEnv {
  const allowed =
    /^(path|home|user|userprofile|appdata|localappdata|systemroot|comspec|temp|tmp|tmpdir|lang|npm_token|node_auth_token|node_extra_ca_certs|(https?|no|all)_proxy|npm_config_(registry|userconfig|cache|cafile|proxy|https_proxy))$/i
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => allowed.test(name)))
}

const isFolder = (path: string) =>
  stat(path).then(
    found => found.isDirectory(),
    () => false,
  )
