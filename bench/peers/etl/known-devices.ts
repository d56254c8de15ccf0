import knownDevices from '../../../flows/etl/functions/known-devices.ts'
import { run, some } from './service.ts'

await run({
  name: 'known-devices',
  inputs: ['etl/plausible'],
  output: 'etl/known',
  handle: payload => some(knownDevices(JSON.parse(payload))),
})
