import { Problem } from '../../../schema/problem.ts'
import { withoutCredentials } from '../broker-client.ts'
import { checkAnnounced } from './announced.ts'
import { checkOrder } from './order.ts'
import { Probe, type Unfit } from './probe.ts'
import { checkRetained } from './retained.ts'
import { checkSession } from './session.ts'

export interface Checked {
  /** Sessions keep no order among topics: `Wiring.unordered`. */
  unordered?: true
}

/** Tries with real connections what the data plane needs of a broker (`docs/guarantees.md`), and leaves nothing there.
 *  What MQTT can't show is not seen: whether anything is written to a disk, above all.
 *  @param options.withZones it is one of several that a partition has sessions on
 *  @throws Problem `BrokerUnfit`, naming the setting to change; `BrokerUnreachable` when it goes away meanwhile */
export async function checkBroker(url: string, { withZones = false } = {}): Promise<Checked> {
  const probe = new Probe(url)
  const at = `the broker at ${withoutCredentials(url)}`
  let unfit: Unfit[]
  let disorder: Unfit | undefined
  try {
    const checks = [checkSession(probe), checkRetained(probe), checkAnnounced(url)]
    const [order, ...found] = await Promise.all([checkOrder(probe), ...checks])
    disorder = order
    unfit = [...found, ...(withZones ? [order] : [])].flat().filter(one => one !== undefined)
  } catch (error) {
    throw new Problem('BrokerUnreachable', `${at} ended the check of what it can do: ${said(error)}`, {
      cause: error,
      hint: 'Let the user of its URL open sessions that begin with dyninka_, and read and write below dyninka/.',
    })
  } finally {
    await probe.close()
  }
  if (unfit.length === 0) return disorder ? { unordered: true } : {}
  const hints = new Set(unfit.map(({ hint }) => hint))
  throw new Problem('BrokerUnfit', `${at} ${[...new Set(unfit.map(({ what }) => what))].join('; it ')}`, {
    disposition: 'stalled',
    hint: [...hints].join('\n        '),
  })
}

const said = (error: unknown) => (error as Error).message
