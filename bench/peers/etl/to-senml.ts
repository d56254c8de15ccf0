import toSenml from '../../../flows/etl/functions/to-senml.ts'
import { run } from './service.ts'

await run({
  name: 'to-senml',
  inputs: ['stations/+/csv'],
  output: 'etl/senml',
  handle: payload => toSenml(JSON.parse(payload)),
})
