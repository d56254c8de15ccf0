import { join } from 'node:path'
import { Problem } from '../schema/problem.ts'
import { FolderSource } from './folder-source.ts'
import type { ControllerOptions } from './options.ts'
import { gitSource, type Source, watchRepository } from './source/index.ts'

/** @param onChange called when a revision may have come, where that is noticed without polling */
export function openSource(options: ControllerOptions, state: string, onChange: () => void): Source {
  const { dir, repo, branch } = options
  if (dir !== undefined) return new FolderSource(dir, onChange, state)
  if (repo === undefined) {
    throw new Problem('NoSource', 'neither a repository nor a folder is given', {
      disposition: 'stalled',
      hint: 'Give one with --repo.',
    })
  }
  const source = gitSource({
    ...options.git,
    url: repo,
    cacheDir: join(state, 'git'),
    ...(branch !== undefined && { branch }),
  })
  const watcher = watchRepository(repo, onChange)
  return {
    fetch: signal => source.fetch(signal),
    proposalBranch: name => source.proposalBranch!(name),
    async close() {
      watcher?.close()
      await source.close()
    },
  }
}
