import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'

const FOLDER = '.dyninka'

/** The folder where a controller keeps its state: the one named, else `.dyninka` here or above, else the user's. */
export function stateFolder(named?: string, from = process.cwd()): string {
  if (named !== undefined) return resolve(named)
  for (let dir = from; ; dir = dirname(dir)) {
    if (existsSync(join(dir, FOLDER))) return join(dir, FOLDER)
    if (dir === dirname(dir)) return usersStateFolder()
  }
}

/** https://specifications.freedesktop.org/basedir/latest/, and what macOS and Windows have in its place. */
function usersStateFolder(): string {
  const { XDG_STATE_HOME, LOCALAPPDATA } = process.env
  if (XDG_STATE_HOME) return join(XDG_STATE_HOME, 'dyninka')
  if (process.platform === 'win32' && LOCALAPPDATA) return join(LOCALAPPDATA, 'dyninka')
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'dyninka')
  return join(homedir(), '.local', 'state', 'dyninka')
}

/** Where `dyninka dev` and the demo keep the state of the folder they follow. */
export const stateOf = (dir: string) => join(resolve(dir), FOLDER)
