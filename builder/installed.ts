/** The part of a path that leads to an installation in the store, `…/deps/<digest>/`. It differs by machine. */
export const installationOf = (path: string): string | undefined =>
  /^(?:.*[\\/])?deps[\\/][0-9a-f]{64}[\\/]/.exec(path)?.[0]

/** Of a file of an npm package. */
export const isInstalled = (path: string) => installationOf(path) !== undefined

/** `node_modules/…` of a file of a package; any other path as it is. */
export const withoutInstallation = (path: string) => path.slice(installationOf(path)?.length ?? 0)
