/** The same with lists of records in a message: the application has to make them where its records begin. */
import { type Reading, step } from './step.ts'
import { serve } from './wire.ts'

await serve(payload => JSON.stringify((JSON.parse(payload.toString()) as Reading[]).map(step)))
