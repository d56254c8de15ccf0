import { pino } from 'pino'
import { startController } from '../../controller/controller.ts'

const say = (message: object) => process.stdout.write(`${JSON.stringify(message)}\n`)
const { url, brokerUrl } = await startController({
  ...JSON.parse(process.argv[2]!),
  logger: pino({ level: process.env.DEBUG ? 'debug' : 'silent' }, process.stderr),
  onEvent: say,
})
say({ type: 'started-controller', url, brokerUrl })
