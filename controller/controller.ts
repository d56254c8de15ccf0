import { resolve } from 'node:path'
import { pino } from 'pino'
import { hostBundle } from '../builder/index.ts'
import { readJson, writeJson } from './atomic-file.ts'
import { awake } from './awake.ts'
import { BrokerAccounts } from './broker/accounts/accounts.ts'
import { BrokerClient, type BrokerListener } from './broker/broker-client.ts'
import { checkBrokerUrl } from './broker/broker-url.ts'
import { checkBroker } from './broker/check/check-broker.ts'
import { embeddedBroker, stopEmbeddedBroker } from './broker/embedded-broker.ts'
import type { WaysOf } from './broker/ways.ts'
import { checkDeclared, ZoneBrokers } from './broker/zone-brokers.ts'
import { InventoryFiles } from './inventory-files.ts'
import { Links, stopLinks } from './link/links.ts'
import { checkZones, withRoundTrips } from './link/ways.ts'
import { lockState } from './lock.ts'
import { onlookers } from './onlookers.ts'
import { openSource } from './open-source.ts'
import type { Controller, ControllerOptions } from './options.ts'
import { LocalOrchestrator, zonesOf } from './orchestrator/local/local-orchestrator.ts'
import { claimState } from './origin.ts'
import { Reconciler } from './reconciler.ts'
import { Secrets } from './secrets.ts'
import { parseListen } from './server/listen.ts'
import { startServer } from './server/server.ts'
import { makeStateFolder, startProblem } from './state-folder.ts'
import { openTelemetry } from './telemetry/telemetry.ts'
import { TrafficFiles } from './traffic-files.ts'

export type { Controller, ControllerEvent, ControllerOptions } from './options.ts'

const defaultIntervalMs = 30_000
const defaultSilentMs = 15_000

/** Starts everything that follows a repository and runs its dataflows. What an earlier controller left running
 *  under the same state folder is adopted. @throws Problem when it can't start; then nothing of it is left */
export async function startController(options: ControllerOptions): Promise<Controller> {
  const state = resolve(options.state)
  const log = options.logger ?? pino({ level: 'info' })
  const [address, port] = parseListen(options.listen ?? '127.0.0.1:0')
  const isEmbedded = (options.broker ?? 'embedded') === 'embedded'
  if (!isEmbedded) checkBrokerUrl(options.broker!)
  checkZones(options)
  checkDeclared(options.zoneBrokers ?? {}, zonesOf(options.nodes))
  makeStateFolder(state)
  const store = `${state}/store`
  const closers: (() => unknown)[] = []
  const emit: NonNullable<ControllerOptions['onEvent']> = event => {
    try {
      options.onEvent?.(event)
    } catch (error) {
      log.warn({ err: error }, 'a listener to events threw')
    }
  }
  try {
    closers.push(lockState(state))
    claimState(state, options)
    const bundling = hostBundle(store)
    bundling.catch(() => {}) // told below, once what becomes of the broker is known
    const { url: brokerUrl, adopted } = isEmbedded
      ? await embeddedBroker(state)
      : { url: options.broker!, adopted: true }
    if (!adopted) closers.push(() => stopEmbeddedBroker(state))
    const runtime = await bundling
    const { nodes, links: declared = [], brokerZone } = options
    emit({ type: 'broker', url: brokerUrl, adopted: isEmbedded && adopted })
    const secrets = new Secrets({ state, ...(options.secrets !== undefined && { file: options.secrets }) })
    const inventories = new InventoryFiles(state)
    const accounts =
      options.accounts &&
      new BrokerAccounts({ dedicated: () => broker.dedicated() }, brokerUrl, options.accounts.key)
    const zoneBrokers = await ZoneBrokers.open({
      state,
      declared: options.zoneBrokers ?? {},
      inUse: inventories.all().flatMap(({ brokers = {} }) => Object.values(brokers).flat()),
      log,
    })
    closers.push(() => zoneBrokers?.undo())
    const zoneUrls = Object.entries(zoneBrokers?.urls ?? {})
    const links = await Links.open(state, declared, [
      ...(brokerZone === undefined ? [] : [{ name: '', url: brokerUrl, zone: brokerZone }]),
      ...zoneUrls.map(([zone, url]) => ({ name: zone, url, zone })),
    ])
    closers.push(() => links.close())
    if (!adopted) closers.push(() => stopLinks(state))
    const waysOf: WaysOf = ({ flow, node, zone }) => ({
      home: links.urlFrom(zone, accounts?.urlOf(flow, node) ?? brokerUrl),
      zones: Object.fromEntries(zoneUrls.map(([of, url]) => [of, links.urlFrom(zone, url)])),
    })
    const orchestrator = new LocalOrchestrator({
      state,
      waysOf,
      secrets: () => secrets.read(),
      folderOf: flow => (options.dir === undefined ? `${state}/files/${flow}` : resolve(options.dir)),
      ...(nodes && { nodes: withRoundTrips(nodes, declared) }),
      network: { links: declared, ...(brokerZone !== undefined && { brokerZone }) },
      ...(options.windowMs !== undefined && { figuresMs: options.windowMs / 2 }),
    })
    if (links.haveChanged) orchestrator.restartAll('the links between zones have changed')
    closers.push(() => orchestrator.close())
    const listener: BrokerListener = {
      onChange: flow => reconciler.flowChanged(flow),
      onConnection: connected => {
        if (connected) reconciler.lookAtAll()
        else if (isEmbedded)
          void embeddedBroker(state, { samePort: true }).catch(error =>
            log.error({ err: error }, 'the embedded broker is down'),
          )
      },
    }
    const broker = await BrokerClient.connect(brokerUrl, listener, zoneBrokers?.urls)
    closers.push(() => broker.close())
    const checked = isEmbedded ? {} : await checkBroker(brokerUrl, { withZones: zoneBrokers !== undefined })
    const source = openSource(options, state, () => reconciler.lookAtSource())
    const telemetry = openTelemetry(state, log, {
      brokerAt: url => links.brokerAt(url),
      ...(options.windowMs !== undefined && { windowMs: options.windowMs }),
    })
    const reconciler = new Reconciler({
      source,
      path: options.path ?? '',
      intervalMs: options.intervalMs ?? defaultIntervalMs,
      broker,
      ...checked,
      ...(accounts && { accounts }),
      ...(zoneBrokers && { zoneBrokers }),
      orchestrator,
      secrets,
      inventories,
      store,
      runtime,
      silentMs: options.silentMs ?? defaultSilentMs,
      ...(options.pinAfterMs !== undefined && { pinAfterMs: options.pinAfterMs }),
      ...(options.adapting && { adapting: options.adapting }),
      scaling: options.scaling ?? {},
      trafficFiles: new TrafficFiles(state),
      telemetry,
      reckoning: { telemetry, broker, ...(options.proposing && { proposing: options.proposing }) },
      ...(options.forge && {
        onlookers: onlookers({
          repository: options.repo ?? '',
          forge: options.forge,
          ...(options.proposing && { proposing: options.proposing }),
          source,
          telemetry,
          broker,
          orchestrator,
          log,
          emit,
          onChange() {},
        }),
      }),
      log,
      emit,
    })
    closers.push(() => reconciler.close())
    const known = readJson<{ token?: string | null }>(`${state}/controller.json`)?.token
    const server = await startServer({
      members: () => [{ reconciler, broker, orchestrator }],
      isReady: () => broker.connected && reconciler.repository.revision !== undefined,
      log,
      address,
      port,
      ...(known && { token: known }),
      ...(options.webhookSecret !== undefined && { webhookSecret: options.webhookSecret }),
    })
    closers.push(() => server.close())
    writeJson(
      `${state}/controller.json`,
      { url: server.url, token: server.token ?? null, pid: process.pid },
      0o600,
    )
    reconciler.start()
    return {
      url: server.url,
      brokerUrl,
      ...(server.token !== undefined && { token: server.token }),
      reconcile: () => reconciler.lookAtSource(),
      stop: ({ hosts = false } = {}) =>
        awake(async () => {
          await server.close()
          await reconciler.close()
          if (hosts) {
            await orchestrator.stopAll()
            reconciler.saveTraffic() // with their last reports
          }
          await broker.close()
          await orchestrator.close()
          try {
            links.close()
            if (hosts) await stopLinks(state)
            zoneBrokers?.close()
            if (hosts && isEmbedded) await stopEmbeddedBroker(state)
            if (hosts) await zoneBrokers?.stop()
          } finally {
            closers[0]!()
          }
        }),
    }
  } catch (error) {
    for (const close of closers.reverse()) await Promise.resolve(close()).catch(() => {}) // the first error says it
    throw startProblem(error, store)
  }
}
