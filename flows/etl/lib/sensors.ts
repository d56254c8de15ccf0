/** What each sensor can plausibly read: degrees Celsius, millimetres, metres per second. */
export const ranges: Record<string, [number, number]> = {
  temp_max: [-60, 60],
  temp_min: [-60, 60],
  precipitation: [0, 500],
  wind: [0, 60],
}
