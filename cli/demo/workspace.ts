import { existsSync } from 'node:fs'
import { cp, mkdir, rm, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Problem } from '../../schema/problem.ts'
import { git } from '../git.ts'
import { home, link } from '../link.ts'

/** The folder of one demo: a bare repository that the controller follows, and a working copy to push from. */
export class Workspace {
  readonly dir: string
  readonly repository: string
  readonly copy: string
  readonly state: string
  #first = ''

  /** @param flow name of a folder of `flows/` */
  constructor(dir: string, flow: string) {
    this.dir = dir
    this.repository = join(dir, `${flow}.git`)
    this.copy = join(dir, flow)
    // Where every command finds it from the working copy.
    this.state = join(dir, '.dyninka')
  }

  /** @param prepare changes the copy before its first commit */
  static async make(
    dir: string,
    flow: string,
    prepare: (copy: string) => Promise<void> = async () => {},
  ): Promise<Workspace> {
    const workspace = new Workspace(dir, flow)
    const { copy, repository, state } = workspace
    for (const path of [copy, repository, state]) {
      if (existsSync(path))
        throw new Problem('AlreadyThere', `${path} is there already`, { hint: 'Name another --dir.' })
    }
    try {
      await workspace.#fill(flow, prepare)
    } catch (error) {
      await workspace.#discard()
      throw error
    }
    return workspace
  }

  async #fill(flow: string, prepare: (copy: string) => Promise<void>): Promise<void> {
    const { dir, copy, repository, state } = this
    await mkdir(state, { recursive: true })
    await cp(join(home, 'flows', flow), copy, {
      recursive: true,
      filter: path => !/node_modules|\.dyninka/.test(path.slice(home.length)),
    })
    await writeFile(join(copy, '.gitignore'), 'node_modules/\n.dyninka/\n*.bak\n')
    await link(copy)
    await prepare(copy)
    await git(dir, 'init', '--quiet', '--bare', '--initial-branch=main', repository)
    await git(copy, 'init', '--quiet', '--initial-branch=main')
    // The machine may have no identity yet, and signing would ask for a key.
    for (const [name, value] of [
      ['user.name', 'Demo'],
      ['user.email', 'demo@example.org'],
      ['commit.gpgSign', 'false'],
    ]) {
      await git(copy, 'config', name!, value!)
    }
    await git(copy, 'add', '--all')
    await git(copy, 'commit', '--quiet', '--message', 'First dataflow')
    await git(copy, 'remote', 'add', 'origin', repository)
    await git(copy, 'push', '--quiet', '--set-upstream', 'origin', 'main')
    this.#first = await git(copy, 'rev-parse', 'HEAD')
  }

  /** Removes what it made, unless somebody wrote something. @returns whether it is gone */
  async remove(): Promise<boolean> {
    const head = await git(this.copy, 'rev-parse', 'HEAD').catch(() => '')
    const changed = await git(this.copy, 'status', '--porcelain').catch(() => '')
    if (head !== this.#first || changed !== '') return false
    await this.#discard()
    return true
  }

  async #discard(): Promise<void> {
    for (const made of [this.copy, this.repository, this.state])
      await rm(made, { recursive: true, force: true })
    await rmdir(this.dir).catch(() => {}) // somebody else's files are in it
  }
}
