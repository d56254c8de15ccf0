/** The parts of `package.json` and of a lock file (version 2 or 3) that matter for an installation. */
export interface Manifest {
  dependencies?: Dependencies
  optionalDependencies?: Dependencies
  overrides?: object
}
export interface Lock {
  lockfileVersion: number
  packages?: { [path: string]: LockedPackage }
}
interface LockedPackage extends Manifest {
  version?: string
  resolved?: string
  dev?: boolean
  peerDependencies?: Dependencies
}
type Dependencies = { [name: string]: string }

/** Resolved to this project's own `runtime/`, never installed. */
const own = 'dyninka'

/**
 * What functions can reach: no development dependencies, no `dyninka`. Two lock files that differ only in
 * those come out the same, so they share one installation.
 * @returns `undefined` when nothing is left to install
 */
export function prune(manifest: Manifest, lock: Lock): { manifest: Manifest; lock: Lock } | undefined {
  const top: Manifest = {}
  for (const kind of ['dependencies', 'optionalDependencies'] as const) {
    const wanted = Object.entries(manifest[kind] ?? {}).filter(([name]) => name !== own)
    if (wanted.length) top[kind] = Object.fromEntries(wanted)
  }
  if (!top.dependencies && !top.optionalDependencies) return undefined
  if (manifest.overrides) top.overrides = manifest.overrides
  const { overrides: _, ...root } = top
  const all = lock.packages ?? {}
  const kept: { [path: string]: LockedPackage } = {}
  const visit = (from: string, item: LockedPackage) => {
    const names = { ...item.dependencies, ...item.optionalDependencies, ...item.peerDependencies }
    for (const name of Object.keys(names)) {
      const path = find(all, from, name)
      if (path === undefined || kept[path]) continue
      kept[path] = all[path]!
      visit(path, all[path]!)
    }
  }
  visit('', root)
  const packages = {
    '': root,
    ...Object.fromEntries(
      Object.keys(kept)
        .sort()
        .map(path => [path, kept[path]!]),
    ),
  }
  return { manifest: top, lock: { lockfileVersion: lock.lockfileVersion, packages } }
}

/** Node's own search: `node_modules` beside the importer, then one folder up, and so on. */
function find(all: { [path: string]: unknown }, from: string, name: string): string | undefined {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    const path = at ? `${at}/node_modules/${name}` : `node_modules/${name}`
    if (all[path]) return path
    if (!at) return undefined
  }
}
