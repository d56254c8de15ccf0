/**
 * Round trips of the Seattle network (personal devices all over the world), in hundredths of a second: by slice of time,
 * those between one device and six others. From NetLatency (https://github.com/uofa-rzhu3/NetLatency-Data), the last row of
 * every eighth matrix from `SeattleData_1` to `SeattleData_441`, columns 93 to 98; the slices cover about two hours.
 *
 * MIT License, Copyright (c) 2016 uofa-rzhu3. Permission is hereby granted, free of charge, to any person obtaining a copy
 * of this software and associated documentation files (the "Software"), to deal in the Software without restriction,
 * including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies
 * of the Software, and to permit persons to whom the Software is furnished to do so, subject to the following conditions:
 * The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
 * Software. THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED
 * TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
 * AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT
 * OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
 */
const slices = `
59 101 24 19 43 19, 27 12 31 49 22 19, 27 12 28 19 21 23, 41 12 22 19 61 19, 27 45 46 19 21 19, 67 12 22 47 21 19,
27 17 22 19 21 19, 43 12 22 19 21 43, 48 12 23 48 48 21, 58 53 43 19 22 19, 43 48 22 19 21 27, 137 96 22 19 46 38,
27 36 50 19 37 40, 48 12 22 19 31 19, 65 12 22 38 46 24, 27 16 49 19 59 49, 150 98 48 101 58 19, 46 50 40 19 40 26,
27 18 22 44 72 19, 27 12 22 19 21 48, 27 100 91 19 62 41, 66 39 22 47 44 48, 40 70 22 22 46 91, 45 41 45 19 56 196,
27 66 46 19 97 19, 50 12 22 44 21 50, 27 45 22 45 47 28, 27 13 22 40 21 19, 45 12 48 57 45 19, 28 83 93 19 21 19,
29 50 44 25 25 23, 43 21 22 44 22 40, 55 14 56 19 48 99, 56 95 22 57 22 48, 31 146 23 20 46 22, 27 12 22 51 21 43,
27 12 22 19 24 29, 41 12 47 44 21 45, 27 12 22 105 42 43, 56 51 40 41 61 19, 97 12 136 45 22 46, 91 26 92 49 21 42,
60 40 22 41 41 42, 27 12 36 54 54 19, 94 12 22 19 39 19, 105 12 44 19 44 19, 66 56 58 46 97 30, 72 44 22 42 73 43,
55 12 22 46 22 56, 27 12 22 19 58 19, 27 12 22 19 42 43, 27 12 61 19 21 37, 27 12 22 19 48 19, 36 12 249 46 56 19,
49 47 79 56 21 49, 27 48 78 42 21 19`

/** By slice: round trips between the one device and each of the others, ms. */
export const seattle: readonly number[][] = slices
  .trim()
  .split(/,\s*/)
  .map(slice => slice.split(' ').map(value => 10 * Number(value)))
