import { setTimeout as sleep } from 'node:timers/promises'
import type { MqttClient } from 'mqtt'
import { Problem } from '../../../schema/problem.ts'
import type { BrokerClient } from '../broker-client.ts'
import { whileConnected } from '../while-connected.ts'

/** One rule of a role, as mosquitto's plugin has it. */
export interface Acl {
  acltype: 'publishClientSend' | 'subscribePattern'
  topic: string
}

export type Command = { command: string } & Record<string, unknown>

export interface Role {
  rolename: string
  acls: Acl[]
}

export interface Client {
  username: string
  textdescription?: string
}

const topic = '$CONTROL/dynamic-security/v1'
/** The plugin writes its file once for each command. */
const atOnce = 50
const patienceMs = 10_000

/** Mosquitto's dynamic security plugin: accounts and rights that change while the broker runs. */
export class DynamicSecurity {
  #broker: Pick<BrokerClient, 'dedicated'>

  /** @param broker as an account that may publish to `$CONTROL/dynamic-security/#` */
  constructor(broker: Pick<BrokerClient, 'dedicated'>) {
    this.#broker = broker
  }

  /** Every role and every account. */
  async list(): Promise<{ roles: Role[]; clients: Client[] }> {
    const [roles, clients] = await this.send([
      { command: 'listRoles', verbose: true },
      { command: 'listClients', verbose: true },
    ])
    return { roles: (roles as { roles: Role[] }).roles, clients: (clients as { clients: Client[] }).clients }
  }

  /** Carries commands out in their order. @returns the `data` of each answer
   *  @throws Problem when one is refused, or the broker has no such plugin */
  async send(commands: Command[]): Promise<unknown[]> {
    if (commands.length === 0) return []
    const client = await this.#broker.dedicated()
    try {
      return await whileConnected(client, () => carryOut(client, commands))
    } catch (error) {
      throw error instanceof Problem ? error : noPlugin(error)
    } finally {
      await client.endAsync(true)
    }
  }
}

async function carryOut(client: MqttClient, commands: Command[]): Promise<unknown[]> {
  const answers: unknown[] = []
  await client.subscribeAsync(`${topic}/response`, { qos: 1 })
  for (let start = 0; start < commands.length; start += atOnce) {
    const some = commands.slice(start, start + atOnce)
    const answered = new Promise<Buffer>(resolve => client.once('message', (_, payload) => resolve(payload)))
    await client.publishAsync(topic, JSON.stringify({ commands: some }), { qos: 1 })
    const payload = await Promise.race([answered, sleep(patienceMs, undefined, { ref: false })])
    if (!payload) throw noPlugin()
    answers.push(...dataOf(payload))
  }
  return answers
}

function dataOf(payload: Buffer): unknown[] {
  const { responses } = JSON.parse(payload.toString()) as {
    responses: { command: string; error?: string; data?: unknown }[]
  }
  const refused = responses.find(({ error }) => error !== undefined)
  if (refused)
    throw new Problem('BrokerAccountsRefused', `the broker refuses ${refused.command}: ${refused.error}`, {
      hint: 'Nobody else should change the accounts and roles that begin with dyninka/.',
    })
  return responses.map(({ data }) => data)
}

const noPlugin = (cause?: unknown) =>
  new Problem('NoBrokerAccounts', 'the broker does not let its accounts be changed', {
    cause,
    hint:
      "Load mosquitto's dynamic security plugin, and give the controller's account the right to publish to " +
      '$CONTROL/dynamic-security/#.',
  })
