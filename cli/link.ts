import { existsSync } from 'node:fs'
import { lstat, mkdir, readFile, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where this Dyninka is. */
export const home = resolve(fileURLToPath(new URL('..', import.meta.url)))

/**
 * Links this Dyninka into the `node_modules` of a folder, with the Node it runs on and its types, so that
 * `npx dyninka`, `npm test` and editors work there without an installation. What is there already stays.
 */
export async function link(dir: string): Promise<void> {
  const modules = join(dir, 'node_modules')
  await place(home, join(modules, 'dyninka'))
  await place('../dyninka/cli/dyninka.js', join(modules, '.bin', 'dyninka'))
  for (const name of ['node', '@types/node', 'uvu']) {
    const folder = folderOf(name)
    if (folder) await place(folder, join(modules, name))
  }
  if (folderOf('node')) await place('../node/bin/node', join(modules, '.bin', 'node'))
  if (folderOf('uvu')) await place('../uvu/bin.js', join(modules, '.bin', 'uvu'))
}

/** How a `package.json` on this machine names this Dyninka: by version once it is on npm. */
export async function dependency(): Promise<string> {
  const manifest = JSON.parse(await readFile(join(home, 'package.json'), 'utf8'))
  return manifest.private ? `file:${home}` : `^${manifest.version}`
}

/** Where a package is that this Dyninka would import; asks no `exports`, which may hide its package.json. */
function folderOf(name: string): string | undefined {
  const folders = createRequire(import.meta.url).resolve.paths(name) ?? []
  return folders.map(folder => join(folder, name)).find(folder => existsSync(folder))
}

async function place(target: string, at: string) {
  if (await lstat(at).catch(() => undefined)) return
  await mkdir(dirname(at), { recursive: true })
  await symlink(target, at)
}
