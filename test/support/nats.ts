import { execFile, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rename, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { brokerProcess, freePort, type KillableBroker } from './process-broker.ts'

const module = 'github.com/nats-io/nats-server/v2'
const tools = fileURLToPath(new URL('../cluster', import.meta.url))
// Where Go's own installer puts it, for a shell that does not have it on its path.
const path = [process.env.PATH, '/usr/local/go/bin'].join(delimiter)
const env = { ...process.env, PATH: path }

export const hasGo = () => spawnSync('go', ['version'], { env }).status === 0

/** Builds the server that `test/cluster/go.mod` names, once for each version. @returns its path */
export async function natsServer(): Promise<string> {
  const [, version] = new RegExp(`${module} (v\\S+)`).exec(readFileSync(join(tools, 'go.mod'), 'utf8'))!
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'dyninka', 'tools', version!)
  const program = join(cache, 'nats-server')
  if (existsSync(program)) return program
  await mkdir(cache, { recursive: true })
  const fresh = `${program}.${process.pid}`
  await promisify(execFile)('go', ['build', '-o', fresh, module], { cwd: tools, env })
  await rename(fresh, program) // suites that build at the same time do not see half of it
  return program
}

// One frame of a lane at a time: with more, what was not acknowledged comes behind what is newer.
const inOrder = 'max_ack_pending: 1, ack_wait: "500ms"'

/** NATS with JetStream on disk, on which its MQTT keeps sessions and retained messages.
 *  @param mqtt settings of its `mqtt` block; by default those that `docs/guarantees.md` asks for */
export async function nats(mqtt = inOrder): Promise<KillableBroker> {
  const program = await natsServer()
  const dir = await mkdtemp(join(tmpdir(), 'dyninka-nats-'))
  const port = await freePort()
  const config = join(dir, 'nats.conf')
  await writeFile(
    config,
    `server_name: test
listen: "127.0.0.1:-1"
jetstream { store_dir: ${JSON.stringify(dir)} }
mqtt { listen: "127.0.0.1:${port}", ${mqtt} }
max_payload: 8MB
`,
  )
  return brokerProcess(program, ['-c', config], { port, dir })
}
