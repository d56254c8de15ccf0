import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { answers, freePort } from './process-broker.ts'

export const hasPrometheus = () => spawnSync('prometheus', ['--version']).error === undefined

/** Debian's Prometheus, which scrapes the metrics of a controller every second. @param url of the controller
 *  @param past what it has scraped before, in the format of OpenMetrics */
export async function startPrometheus(
  url: string,
  past?: string,
): Promise<{ url: string; close(): Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), 'dyninka-prometheus-'))
  const port = await freePort()
  const file = join(dir, 'prometheus.yml')
  const job = { job_name: 'dyninka', static_configs: [{ targets: [new URL(url).host] }] }
  await writeFile(
    file,
    JSON.stringify({ global: { scrape_interval: '1s', scrape_timeout: '1s' }, scrape_configs: [job] }),
  )
  if (past !== undefined) {
    const history = join(dir, 'past')
    await writeFile(history, past)
    const { status, stderr } = spawnSync('promtool', [
      ...['tsdb', 'create-blocks-from', 'openmetrics', history, join(dir, 'data')],
    ])
    if (status !== 0) throw new Error(`promtool refuses what was scraped before: ${stderr}`)
  }
  const child = spawn(
    'prometheus',
    [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(dir, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: 'ignore' },
  )
  await answers(port)
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = once(child, 'exit')
      child.kill()
      await gone
      await rm(dir, { recursive: true, force: true })
    },
  }
}
