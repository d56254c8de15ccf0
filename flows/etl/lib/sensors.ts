/** What each sensor can plausibly read: degrees Celsius, millimetres, metres per second. */
export const ranges = new Map([
  ['temp_max', { min: -60, max: 60 }],
  ['temp_min', { min: -60, max: 60 }],
  ['precipitation', { min: 0, max: 500 }],
  ['wind', { min: 0, max: 60 }],
])
