import annotate from '../../../flows/etl/functions/annotate.ts'
import { run, some } from './service.ts'

await run({
  name: 'annotate',
  inputs: ['etl/observations'],
  output: 'weather/observations',
  handle: payload => some(annotate(JSON.parse(payload))),
})
