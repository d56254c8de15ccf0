/**
 * Thrown by a function that knows that no other attempt would help: the record becomes a dead letter at once.
 *
 * @example
 * if (!Number.isFinite(celsius)) throw new NonRetryableError('a reading needs celsius')
 */
export class NonRetryableError extends Error {
  override name = 'NonRetryableError'
}
