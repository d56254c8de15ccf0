import { join } from 'node:path'
import { pino } from 'pino'
import * as assert from 'uvu/assert'
import { Dataflow } from '../../controller/dataflow.ts'
import type { ForgeOptions } from '../../controller/forge/forge.ts'
import { OctokitForge } from '../../controller/forge/octokit-forge.ts'
import type { ControllerEvent, Proposing } from '../../controller/options.ts'
import { Advisor } from '../../controller/placement/advisor.ts'
import { gitSource, type Source } from '../../controller/source/index.ts'
import type { TelemetryFile } from '../../controller/telemetry/file.ts'
import { load } from '../../schema/index.ts'
import { code, flow } from './climate-flow.ts'
import { busy, edge, fileOf } from './climate-telemetry.ts'
import { until } from './controlled.ts'
import { TestForge } from './forge/forge.ts'
import { type GitServer, startGitServer } from './git-server.ts'
import { makeRepository, type Repository } from './repository.ts'

export interface AdvisedOptions {
  /** How the client is given the forge. */
  forge?: Partial<ForgeOptions>
  proposing?: Proposing
}

/** A dataflow that would better run elsewhere, in a repository on a forge, and who says so. */
export class Advised {
  readonly repository: Repository
  readonly server: GitServer
  readonly forge: TestForge
  readonly source: Source
  readonly dataflow = new Dataflow('flows')
  readonly events: ControllerEvent[] = []
  advisor: Advisor
  file: TelemetryFile = fileOf(busy, { broker: edge })
  #url: string

  static async start(options: AdvisedOptions = {}): Promise<Advised> {
    const repository = await makeRepository('ada/climate')
    const [server, forge] = [await startGitServer(repository.root), await TestForge.start()]
    await repository.publish({ 'flows/dataflow.yaml': flow('cloud'), 'flows/functions/filter.ts': code })
    const advised = new Advised(repository, server, forge, options)
    await advised.settle()
    return advised
  }

  private constructor(repository: Repository, server: GitServer, forge: TestForge, options: AdvisedOptions) {
    this.repository = repository
    this.server = server
    this.forge = forge
    this.#url = `${server.url}/ada/climate.git`
    this.source = gitSource({ url: this.#url, cacheDir: join(repository.root, 'cache') })
    this.advisor = this.advisorWith(options)
  }

  /** Another one, as after a restart; the one before is to be closed. */
  advisorWith({ forge = {}, proposing = {} }: AdvisedOptions = {}): Advisor {
    const { token, url } = this.forge
    this.advisor = new Advisor({
      source: this.source,
      forge: new OctokitForge(this.#url, { type: 'github', url, auth: { token }, ...forge }),
      proposing: { labels: ['placement'], ...proposing },
      brokerZones: {},
      zoneUrls: {},
      everyMs: 500,
      telemetry: async () => this.file,
      log: pino({ level: 'silent' }),
      emit: event => void this.events.push(event),
    })
    return this.advisor
  }

  look(): void {
    this.advisor.after(this.dataflow)
  }

  /** The dataflow as a pass has left it: all of the newest commit runs, unless it is not valid. */
  async settle(): Promise<void> {
    const { dataflow, source } = this
    const offered = await source.fetch(new AbortController().signal)
    const { flow, findings } = await load(join(offered.tree, 'flows'), { types: false })
    dataflow.offered = offered
    if (!flow) {
      dataflow.conditions.set('Stalled', 'True', 'InvalidRevision', findings[0]!.message)
      return
    }
    dataflow.inventory = {
      v: 1,
      name: 'climate',
      folder: 'flows',
      revision: offered.id,
      flow,
      artifacts: {},
      runtime: { digest: '', path: '' },
      sessions: {},
      history: [],
    }
    dataflow.conditions.set('Stalled', 'False', 'ValidRevision', 'it is valid')
    dataflow.conditions.set('Ready', 'True', 'Running', 'all of it')
  }

  /** Telemetry as it is once the filter runs at the edge. */
  moveFilter(): void {
    const moved = busy.map(window => ({
      ...window,
      functions: { ...window.functions, filter: { 'edge-1': window.functions.filter!['cloud-1']! } },
    }))
    const hosts = this.file.header.hosts.map(host =>
      host.function === 'filter' ? { ...host, node: 'edge-1' } : host,
    )
    this.file = fileOf(moved, { broker: edge, hosts })
  }

  /** Waits until the status says so. */
  says(reason: string | undefined, timeoutMs = 60_000): Promise<void> {
    return until(
      `it says ${reason}`,
      () => this.dataflow.suggestion?.reason === reason && this.dataflow.suggestion !== undefined,
      () => JSON.stringify(this.dataflow.suggestion),
      timeoutMs,
    )
  }

  /** Waits until a pull request is there, and nothing is left to be done about it. */
  async proposed(): Promise<void> {
    await until(
      'a pull request is there',
      () => this.dataflow.suggestion?.state === 'unchanged',
      () => JSON.stringify(this.dataflow.suggestion),
      60_000,
    )
  }

  /** Waits for another look that was as good. */
  async another(): Promise<void> {
    const { at } = this.dataflow.suggestion!
    await until('it was looked at again', () => this.dataflow.suggestion?.at !== at, undefined, 60_000)
  }

  /** Of the remote, by name. */
  async refs(pattern: string): Promise<string[]> {
    const listing = await this.repository.git('ls-remote', 'origin', pattern)
    return listing.split('\n').flatMap(line => line.split('\t')[1] ?? [])
  }

  async close(): Promise<void> {
    await this.advisor.close()
    await this.source.close()
    await this.forge.stop()
    await this.server.stop()
    await this.repository.remove()
    assert.equal(this.forge.faults, [])
  }
}
