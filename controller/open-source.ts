import type { Logger } from 'pino'
import { Problem } from '../schema/problem.ts'
import { FolderSource } from './folder-source.ts'
import type { ControllerOptions } from './options.ts'
import type { Source } from './source/source.ts'

/** @param onChange called when a revision may have come */
export function openSource(
  { dir, repo }: ControllerOptions,
  state: string,
  onChange: () => void,
  log: Logger,
): Source {
  if (dir !== undefined) return new FolderSource(dir, onChange)
  throw new Problem('NoSource', 'neither a repository nor a folder is given', { disposition: 'stalled' })
}
