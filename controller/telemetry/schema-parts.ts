/** Counts: beyond it no double is exact. */
export const whole = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER } as const
export const positive = { type: 'number', exclusiveMinimum: 0 } as const

/** A table by the names of things. */
export const names = {
  type: 'object',
  maxProperties: 10_000,
  propertyNames: { type: 'string', minLength: 1, maxLength: 300 },
} as const

/** More than anything measures. Sums of squares of such are still numbers. */
export const mostEver = 1e30
