import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Ledger } from './ledger.ts'
import { ready, type Server, startServer } from './server.ts'

/** Debian's docker-registry, without TLS. @returns `host:port`, as names of images begin */
export async function startRegistry(
  ledger: Ledger,
  address: string,
): Promise<{ host: string; server: Server }> {
  const folder = ledger.folderFor('registry')
  const host = `${address}:5000`
  mkdirSync(join(folder, 'images'))
  const config = {
    version: 0.1,
    log: { level: 'warn', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(folder, 'images') }, delete: { enabled: true } },
    http: { addr: host },
  }
  const file = join(folder, 'config.yml')
  writeFileSync(file, JSON.stringify(config))
  const server = ledger.server(startServer(folder, 'docker-registry', ['serve', file]))
  const answers = () =>
    fetch(`http://${host}/v2/`).then(
      response => response.ok,
      () => false,
    )
  await ready(server, answers)
  return { host, server }
}
