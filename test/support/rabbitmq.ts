import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { answers, freePort, type KillableBroker } from './process-broker.ts'

// Not the wrapper in /usr/sbin: that one wants to be root and to keep its state in /var/lib.
const program = '/usr/lib/rabbitmq/bin/rabbitmq-server'

export const hasRabbitmq = () => existsSync(program)

/** Debian's RabbitMQ with its MQTT plugin: state, ports and port mapper (epmd) are its own.
 *  @param config more lines of `rabbitmq.conf` */
export async function rabbitmq(config = ''): Promise<KillableBroker> {
  const dir = await mkdtemp(join(tmpdir(), 'dyninka-rabbitmq-'))
  const [port, epmdPort, distPort] = [await freePort(), await freePort(), await freePort()]
  await writeFile(
    join(dir, 'rabbitmq.conf'),
    `listeners.tcp = none\nmqtt.listeners.tcp.default = 127.0.0.1:${port}\n${config}\n`,
  )
  await writeFile(join(dir, 'enabled_plugins'), '[rabbitmq_mqtt].\n')
  await writeFile(join(dir, 'env.conf'), '')
  const env = {
    ...process.env,
    HOME: dir,
    ERL_EPMD_PORT: String(epmdPort),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_EPMD_RELAXED_COMMAND_CHECK: '1', // else it does not end at once after its node was killed
    RABBITMQ_NODENAME: `dyninka-${port}@localhost`,
    RABBITMQ_DIST_PORT: String(distPort),
    RABBITMQ_CONF_ENV_FILE: join(dir, 'env.conf'),
    RABBITMQ_CONFIG_FILE: join(dir, 'rabbitmq.conf'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(dir, 'enabled_plugins'),
    RABBITMQ_MNESIA_BASE: join(dir, 'mnesia'),
    RABBITMQ_LOG_BASE: join(dir, 'log'),
    RABBITMQ_PID_FILE: join(dir, 'pid'),
  }
  const start = async () => {
    // A process group: the script leaves a shell around the virtual machine.
    const child = spawn(program, { env, stdio: 'ignore', detached: true })
    await answers(port, 60_000)
    return child
  }
  let child = await start()
  const kill = async () => {
    const gone = once(child, 'exit')
    process.kill(-child.pid!, 'SIGKILL')
    await gone
  }
  return {
    url: `mqtt://127.0.0.1:${port}`,
    kill,
    end: kill,
    async restart() {
      child = await start()
    },
    async close() {
      await kill()
      spawnSync('epmd', ['-port', String(epmdPort), '-kill'], { env })
      await rm(dir, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}
