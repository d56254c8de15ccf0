import { join } from 'node:path'
import { readJson } from '../../controller/atomic-file.ts'
import type { LinkFile } from '../../controller/link/links.ts'

const keeperOf = (state: string) => readJson<LinkFile>(join(state, 'links.json'))

/** Nothing passes the links of a controller any more: connections stay, and are silent, as with a cable that is out.
 *  @param state its folder */
export const cutLinks = (state: string) => process.kill(keeperOf(state)!.pid, 'SIGSTOP')

/** All passes again, what was on its way first. */
export function mendLinks(state: string): void {
  const keeper = keeperOf(state)
  if (keeper) process.kill(keeper.pid, 'SIGCONT')
}
