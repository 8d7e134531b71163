/* Complex FFT, decimation in time: one radix-4 or radix-2 pass without twiddles, then radix-4 passes.
 *
 * The input is in bit-reversed order (not digit-reversed), so that the permutation is its own inverse.
 * A radix-4 pass therefore finds the four sub-transforms in the order 0, 2, 1, 3. */
#include "slimse_dsp.h"

typedef struct {
    float re, im;
} complex_t;

static complex_t complex_mul(complex_t x, const float *w)
{
    const complex_t y = {x.re * w[0] - x.im * w[1], x.re * w[1] + x.im * w[0]};
    return y;
}

/* Four points, `stride` floats apart, from sub-transforms x0, x1, x2, x3. */
static void butterfly4(float *data, uint32_t stride, complex_t x0, complex_t x1, complex_t x2,
                       complex_t x3)
{
    const complex_t sum02 = {x0.re + x2.re, x0.im + x2.im};
    const complex_t dif02 = {x0.re - x2.re, x0.im - x2.im};
    const complex_t sum13 = {x1.re + x3.re, x1.im + x3.im};
    const complex_t dif13 = {x1.re - x3.re, x1.im - x3.im};

    data[0] = sum02.re + sum13.re;
    data[1] = sum02.im + sum13.im;
    data[stride] = dif02.re + dif13.im;
    data[stride + 1] = dif02.im - dif13.re;
    data[2 * stride] = sum02.re - sum13.re;
    data[2 * stride + 1] = sum02.im - sum13.im;
    data[3 * stride] = dif02.re - dif13.im;
    data[3 * stride + 1] = dif02.im + dif13.re;
}

static complex_t load(const float *data)
{
    const complex_t x = {data[0], data[1]};
    return x;
}

static void first_pass_radix2(float *data, uint32_t points)
{
    for (uint32_t n = 0; n < points; n += 2, data += 4) {
        const complex_t x0 = load(data);
        const complex_t x1 = load(data + 2);
        data[0] = x0.re + x1.re;
        data[1] = x0.im + x1.im;
        data[2] = x0.re - x1.re;
        data[3] = x0.im - x1.im;
    }
}

static void first_pass_radix4(float *data, uint32_t points)
{
    for (uint32_t n = 0; n < points; n += 4, data += 8) {
        butterfly4(data, 2, load(data), load(data + 4), load(data + 2), load(data + 6));
    }
}

/* Joins transforms of `quarter` points, four at a time; w: [quarter][3][re, im]. */
static void pass_radix4(float *data, uint32_t points, uint32_t quarter, const float *w)
{
    const uint32_t stride = 2 * quarter;

    for (uint32_t k = 0; k < quarter; k++, w += 6) {
        float *p = data + 2 * k;
        for (uint32_t n = 0; n < points; n += 4 * quarter, p += 4 * stride) {
            const complex_t x1 = complex_mul(load(p + 2 * stride), w);
            const complex_t x2 = complex_mul(load(p + stride), w + 2);
            const complex_t x3 = complex_mul(load(p + 3 * stride), w + 4);
            butterfly4(p, stride, load(p), x1, x2, x3);
        }
    }
}

void slimse_fft_f32(const slimse_stft_t *stft, float *data)
{
    const uint32_t points = stft->hop;
    const float *w = stft->twiddles;
    uint32_t done = 4; /* points of the sub-transforms that are complete */

    if ((points & 0x5555u) != 0) { /* an even power of two */
        first_pass_radix4(data, points);
    } else {
        first_pass_radix2(data, points);
        done = 2;
    }
    for (; done < points; w += 6 * done, done *= 4) {
        pass_radix4(data, points, done, w);
    }
}
