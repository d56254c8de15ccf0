/** What a function's author imports: `import type { Context } from 'dyninka'`. */
export type { Context, JsonValue, Logger, RecordInfo, Setup, Teardown } from './context.ts'
export { NonRetryableError } from './non-retryable-error.ts'
