import { readFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { sha256 } from './artifact.ts'
import { Complaint } from './complaint.ts'
import { install } from './install.ts'
import { type Lock, type Manifest, prune } from './lock.ts'

/** The npm packages that the functions of one folder may import. */
export interface Dependencies {
  /** Names the locked set; `undefined` without one. */
  digest?: string
  /** Installs on first use. @returns the folder whose `node_modules` to search; `undefined` when none are
   *  declared. @throws Complaint */
  folder(): Promise<string | undefined>
}

/** Reads the nearest `package.json` from `dir` up to `root`, and the lock file beside it. @throws never */
export async function dependenciesOf(
  root: string,
  dir: string,
  store: string,
  options: { signal?: AbortSignal; onProgress?: (message: string) => void },
): Promise<Dependencies> {
  let at = dir
  let text = await readIfThere(join(at, 'package.json'))
  while (text === undefined && at !== root && at !== dirname(at)) {
    at = dirname(at)
    text = await readIfThere(join(at, 'package.json'))
  }
  if (text === undefined) return none
  const name = (file: string) => relative(root, join(at, file)).replaceAll('\\', '/')
  try {
    const manifest: Manifest = parse(text, name('package.json'))
    const lockText = await readIfThere(join(at, 'package-lock.json'))
    const lock: Lock =
      lockText === undefined ? { lockfileVersion: 0 } : parse(lockText, name('package-lock.json'))
    const wanted = prune(manifest, lock)
    if (!wanted) return none
    if (lockText === undefined)
      throw new Complaint(
        'no-lock-file',
        `${name('package.json')} has dependencies, but there is no package-lock.json beside it`,
        'Run `npm install` and commit package-lock.json.',
      )
    if (lock.lockfileVersion < 2)
      throw new Complaint(
        'old-lock-file',
        `${name('package-lock.json')} is of version ${lock.lockfileVersion}`,
        'Run `npm install` with npm 7 or later and commit package-lock.json.',
      )
    const npmrc = await readIfThere(join(at, '.npmrc'))
    // Packages may come in a variant for each platform, so an installation belongs to one.
    const digest = sha256(JSON.stringify([wanted, npmrc, process.platform, process.arch]))
    const source = { ...wanted, npmrc, folder: at, name: name('package-lock.json') }
    let installed: Promise<string> | undefined
    return { digest, folder: () => (installed ??= install(store, digest, source, options)) }
  } catch (error) {
    return { folder: () => Promise.reject(error) }
  }
}

const none: Dependencies = { folder: async () => undefined }

async function readIfThere(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined)
}

function parse(text: string, file: string) {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Complaint(
      'invalid-json',
      `${file} is not JSON: ${(error as Error).message}`,
      `Correct ${file}, or make it again with \`npm install\`.`,
    )
  }
}
