import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { answers, asRoot, freePort, type TestBroker } from '../../test/support/brokers.ts'

/** A mosquitto with its default limits. @param persistence whether it saves sessions to disk every half an hour
 *  and at its end, as its default is once persistence is on */
export async function mosquitto(persistence: boolean): Promise<TestBroker & { pid: number }> {
  const dir = await mkdtemp(join(tmpdir(), 'dyninka-mosquitto-'))
  const port = await freePort()
  const config = join(dir, 'mosquitto.conf')
  const lines = [`listener ${port} 127.0.0.1`, `allow_anonymous true\n${asRoot}`]
  if (persistence) lines.push('persistence true', `persistence_location ${dir}/`)
  await writeFile(config, `${lines.join('\n')}\n`)
  const child = spawn('mosquitto', ['-c', config], { stdio: 'ignore' })
  await answers(port)
  return {
    url: `mqtt://127.0.0.1:${port}`,
    pid: child.pid!,
    async close() {
      child.kill('SIGKILL') // what it would save is not needed
      await once(child, 'exit')
      await rm(dir, { recursive: true, force: true })
    },
  }
}
