import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Real Git, deaf to the settings of the machine, with a fixed author. @returns stdout */
export async function git(cwd: string, ...args: string[]): Promise<string> {
  const env = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    LC_ALL: 'C',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_AUTHOR_NAME: 'Ada',
    GIT_AUTHOR_EMAIL: 'ada@example.org',
    GIT_COMMITTER_NAME: 'Ada',
    GIT_COMMITTER_EMAIL: 'ada@example.org',
  }
  return (await run('git', args, { cwd, env, maxBuffer: 1 << 28 })).stdout
}

/** Content by path; `null` removes, `{ link }` makes a symbolic link. */
export type Files = Record<string, string | Uint8Array | { link: string } | null>

export interface Repository {
  /** Temporary folder that holds both; serve it with `startGitServer(root)`. */
  root: string
  /** The bare repository, `<root>/<name>.git`. */
  bare: string
  /** The working copy, on branch `main`, with the bare repository as `origin`. */
  work: string
  git(...args: string[]): Promise<string>
  write(files: Files): Promise<void>
  /** Everything there is, even when nothing changed. @returns its hash */
  commit(message?: string): Promise<string>
  /** @param to another remote, or a URL */
  push(to?: string): Promise<void>
  /** Writes, commits and pushes. @returns the hash of the commit */
  publish(files: Files, to?: string): Promise<string>
  remove(): Promise<void>
}

/** An empty bare repository and a working copy of it. */
export async function makeRepository(name = 'repository'): Promise<Repository> {
  const root = await mkdtemp(join(tmpdir(), 'dyninka-git-'))
  const bare = join(root, `${name}.git`)
  const work = join(root, 'work')
  await git(root, 'init', '--bare', '--quiet', '--initial-branch=main', bare)
  await git(root, 'init', '--quiet', '--initial-branch=main', work)
  await git(work, 'remote', 'add', 'origin', bare)
  const repository: Repository = {
    root,
    bare,
    work,
    git: (...args) => git(work, ...args),
    async write(files) {
      for (const [path, content] of Object.entries(files)) {
        const file = join(work, path)
        await rm(file, { recursive: true, force: true })
        if (content === null) continue
        await mkdir(dirname(file), { recursive: true })
        if (typeof content === 'string' || content instanceof Uint8Array) await writeFile(file, content)
        else await symlink(content.link, file)
      }
    },
    async commit(message = 'Change') {
      await git(work, 'add', '--all')
      await git(work, 'commit', '--quiet', '--allow-empty', '-m', message)
      return (await git(work, 'rev-parse', 'HEAD')).trim()
    },
    async push(to = 'origin') {
      await git(work, 'push', '--quiet', to, 'HEAD')
    },
    async publish(files, to) {
      await repository.write(files)
      const commit = await repository.commit()
      await repository.push(to)
      return commit
    },
    remove: () => rm(root, { recursive: true, force: true, maxRetries: 5 }),
  }
  return repository
}
