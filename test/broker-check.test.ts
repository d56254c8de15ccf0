import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { checkBroker } from '../controller/broker/check/check-broker.ts'
import type { Problem } from '../schema/problem.ts'
import { brokers, hasMosquitto, mosquitto, type TestBroker } from './support/brokers.ts'
import { link } from './support/link.ts'
import { nats } from './support/nats.ts'
import { Rig, until } from './support/rig.ts'

const Check = suite('the check of a broker at start')

const refusal = (url: string, options?: { withZones: boolean }) =>
  checkBroker(url, options).then(
    () => undefined,
    (error: Problem) => error,
  )

/** Starts a broker for the length of one test. */
async function on<T extends TestBroker>(start: () => Promise<T>, work: (broker: T) => Promise<void>) {
  const broker = await start()
  try {
    await work(broker)
  } finally {
    await broker.close()
  }
}

for (const [name, start] of brokers) {
  if (name === 'rabbitmq') {
    Check('refuses rabbitmq, which finds no retained message under a wildcard', () =>
      on(start, async ({ url }) => {
        const problem = await refusal(url)
        assert.is(problem?.reason, 'BrokerUnfit')
        assert.match(problem!.message, 'no retained messages to a subscription with a wildcard')
        assert.match(problem!.hint!, 'RabbitMQ has no such setting')
      }),
    )
  } else {
    Check(`takes ${name}, says whether it keeps order among topics, and leaves nothing there`, () =>
      on(start, async ({ url }) => {
        const rig = new Rig(url, [], {})
        const passing = await rig.listen('dyninka/#')
        assert.equal(await checkBroker(url), name === 'nats' ? { unordered: true } : {})
        const left = await rig.listen('dyninka/#')
        await rig.publish('dyninka/end', 'x')
        await until(() => left.length > 0 && passing.at(-1)?.topic === 'dyninka/end', 'the end')
        assert.equal(
          left.map(({ topic }) => topic),
          ['dyninka/end'],
        )
        await rig.close()
      }),
    )
  }
  if (name === 'aedes' || name === 'mosquitto')
    Check(`takes ${name} as one of several brokers`, () =>
      on(start, async ({ url }) => {
        assert.equal(await checkBroker(url, { withZones: true }), {})
      }),
    )
  if (name === 'nats') {
    Check('refuses nats as one of several brokers, as it has a queue for each subscription', () =>
      on(start, async ({ url }) => {
        const problem = await refusal(url, { withZones: true })
        assert.is(problem?.reason, 'BrokerUnfit')
        assert.match(problem!.message, 'messages of one topic to a session before older ones of another')
        assert.match(problem!.hint!, '--zone-broker')
      }),
    )
    for (const [mqtt, says, setting] of [
      ['', 'newer messages before those that were not acknowledged', 'max_ack_pending: 1'],
      ['max_ack_pending: 1', 'does not deliver again at once', 'ack_wait: "500ms"'],
    ] as const)
      Check(`refuses a nats with ${mqtt || 'its defaults'}, and says what to set`, () =>
        on(
          () => nats(mqtt),
          async ({ url }) => {
            const problem = await refusal(url)
            assert.match(problem!.message, says)
            assert.match(problem!.hint!, setting)
          },
        ),
      )
  }
}

const settings: [config: string, says: RegExp, setting: RegExp][] = [
  ['max_queued_messages 20', /kept \d+ of 65 messages/, /max_queued_messages/],
  ['message_size_limit 100000', /drops a message of 1 MiB/, /message_size_limit/],
  ['retain_available false', /takes no retained messages/, /retain_available/],
  ['max_packet_size 200000', /takes no packet over 200000 bytes/, /max_packet_size/],
]
if (hasMosquitto() && brokers.some(([name]) => name === 'mosquitto')) {
  for (const [config, says, setting] of settings) {
    Check(`refuses a mosquitto with ${config}`, () =>
      on(
        () => mosquitto(config),
        async ({ url }) => {
          const problem = await refusal(url)
          assert.is(problem?.reason, 'BrokerUnfit')
          assert.match(problem!.message, says)
          assert.match(problem!.hint!, setting)
        },
      ),
    )
  }
}

if (hasMosquitto() && brokers.some(([name]) => name === 'mosquitto')) {
  Check('takes a broker that is slow', () =>
    on(
      () => mosquitto('max_inflight_messages 1'),
      async ({ url }) => {
        const far = await link(url)
        far.delay(30) // 65 messages one after the other take 4 s
        await checkBroker(far.url).finally(() => far.close())
      },
    ),
  )
}

Check('calls a broker that is away unreachable, not unfit', async () => {
  const problem = await refusal('mqtt://127.0.0.1:1')
  assert.is(problem?.reason, 'BrokerUnreachable')
})

Check.run()
