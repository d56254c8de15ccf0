import { createHash, createHmac } from 'node:crypto'
import type { Content } from '../../../schema/wiring.ts'
import { type Accounts, accountsOf, changesTo } from './changes.ts'
import { DynamicSecurity } from './dynamic-security.ts'
import { type Rights, rightsOf, type Wired, zoneRightsOf } from './rights.ts'

/** By node of one dataflow: what it is to be wired to, and what the broker says it is. */
export interface Wirings {
  desired: Record<string, Content>
  observed: Record<string, Wired>
}

/**
 * An account on the broker for each node of a dataflow, which may do no more than its hosts need. Passwords follow from
 * a key that only the controller has, so that none is stored, and every controller comes to the same.
 */
export class BrokerAccounts {
  #security: DynamicSecurity
  #url: string
  #key: string
  #zone: string | undefined
  /** As the broker has them; undefined: not asked yet, or not since a failure. */
  #accounts: Accounts | undefined

  /** @param broker connected with an account that may change others
   *  @param url of the broker; its user and password are replaced
   *  @param key secret; another one gives other passwords
   *  @param zone whose broker it is; absent: the dataflow's own */
  constructor(
    broker: ConstructorParameters<typeof DynamicSecurity>[0],
    url: string,
    key: string,
    zone?: string,
  ) {
    this.#zone = zone
    this.#security = new DynamicSecurity(broker)
    this.#url = url
    this.#key = key
  }

  /** With which the hosts of a node connect. */
  urlOf(flow: string, node: string): string {
    const name = nameOf(flow, node)
    const url = new URL(this.#url)
    url.username = encodeURIComponent(name)
    url.password = this.#passwordOf(name)
    return url.href
  }

  /** Gives each node the rights that its wirings need: to be called before what needs them is applied.
   *  @param settled nothing is under way: rights and accounts that are no longer needed are taken back
   *  @throws Problem when the broker does not do it */
  async grant(flow: string, { desired, observed }: Wirings, settled: boolean): Promise<void> {
    const rights = new Map<string, Rights>()
    for (const node of Object.keys({ ...desired, ...observed })) {
      const wirings = [desired[node], observed[node]].filter(wiring => wiring !== undefined)
      const own =
        this.#zone === undefined
          ? rightsOf(flow, node, wirings)
          : zoneRightsOf(flow, node, this.#zone, wirings)
      rights.set(nameOf(flow, node), own)
    }
    const secrets = { mark: this.#mark, passwordOf: (name: string) => this.#passwordOf(name) }
    try {
      this.#accounts ??= accountsOf(await this.#security.list())
      const commands = changesTo(rights, this.#accounts, secrets, settled ? nameOf(flow, '') : undefined)
      if (commands.length === 0) return
      await this.#security.send(commands)
      this.#accounts = accountsOf(await this.#security.list())
    } catch (error) {
      this.#accounts = undefined
      throw error
    }
  }

  /** The broker may have others than it had: it is asked again. */
  forget(): void {
    this.#accounts = undefined
  }

  /** Tells which key a password was made with, and nothing else of it. */
  get #mark() {
    return createHash('sha256').update(`mark of ${this.#key}`).digest('hex').slice(0, 16)
  }

  #passwordOf(name: string): string {
    return createHmac('sha256', this.#key).update(name).digest('base64url')
  }
}

const nameOf = (flow: string, node: string) => `dyninka/${flow}/${node}`
