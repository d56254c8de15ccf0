/** `npm run test:brokers`: the data plane's suites on the brokers that take long to start. A broker that this machine
 *  does not have is left out, with a word. */
import { spawnSync } from 'node:child_process'
import { hasGo, natsServer } from './support/nats.ts'
import { hasRabbitmq } from './support/rabbitmq.ts'

const suites = [
  'test/host-delivery',
  'test/host-wiring',
  'test/source-mqtt',
  'test/host-repartition',
  'test/broker-check',
  'test/controller-zone-brokers',
]

const here: string[] = []
if (hasGo()) {
  await natsServer()
  here.push('nats')
} else console.log('nats is left out: there is no Go to build it with')
if (hasRabbitmq()) here.push('rabbitmq')
else console.log('rabbitmq is left out: rabbitmq-server is not installed')

if (here.length === 0) console.log('\n0 passed, 0 failed')
else {
  const { status } = spawnSync(process.execPath, ['test/run.ts', ...suites], {
    stdio: 'inherit',
    env: { ...process.env, DYNINKA_TEST_BROKERS: here.join(',') },
  })
  process.exitCode = status ?? 1
}
