import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The tsconfig.json that an editor would use for a folder: the nearest one, up to the top of the package. */
export function nearestTsconfig(dir: string): string | undefined {
  for (let folder = dir; ; folder = dirname(folder)) {
    const file = join(folder, 'tsconfig.json')
    if (existsSync(file)) return file
    const top = existsSync(join(folder, 'package.json')) || existsSync(join(folder, '.git'))
    if (top || folder === dirname(folder)) return
  }
}
