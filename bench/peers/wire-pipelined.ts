import { step } from './step.ts'
import { serve } from './wire.ts'

await serve(payload => JSON.stringify(step(JSON.parse(payload.toString()))))
