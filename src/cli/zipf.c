/*
 * zipf.c - see zipf.h.
 *
 * hat(x) = x^-theta lies over the steps of the distribution; area() is its
 * integral from 1 on, edge() the inverse of that.  Both are written so that
 * theta = 1, where the integral is a logarithm, is no special case.
 */
#include "cli/zipf.h"

#include <math.h>

#define NEAR_ZERO 1e-8

/* log(1 + x) / x */
static double log1p_part(double x)
{
    return fabs(x) > NEAR_ZERO ? log1p(x) / x : 1 - x / 2;
}

/* (e^x - 1) / x */
static double expm1_part(double x)
{
    return fabs(x) > NEAR_ZERO ? expm1(x) / x : 1 + x / 2;
}

static double hat(const struct zipf *z, double x)
{
    return exp(-z->theta * log(x));
}

static double area(const struct zipf *z, double x)
{
    const double log_x = log(x);

    return expm1_part((1 - z->theta) * log_x) * log_x;
}

static double edge(const struct zipf *z, double a)
{
    /* Rounding can take it a little below -1, where there is no logarithm. */
    const double t = fmax(a * (1 - z->theta), -1);

    return exp(log1p_part(t) * a);
}

void zipf_init(struct zipf *z, uint64_t count, double theta)
{
    z->theta = theta;
    z->count = (double)count;
    z->first = area(z, 1.5) - 1;
    z->last = area(z, z->count + 0.5);
    z->squeeze = 2 - edge(z, area(z, 2.5) - hat(z, 2));
}

uint64_t zipf_next(const struct zipf *z, uint64_t *random)
{
    for (;;) { /* at most one in four is rejected */
        const double part = (double)(zipf_random(random) >> 11) * 0x1p-53;
        const double a = z->last + part * (z->first - z->last);
        const double x = edge(z, a);
        const double k = fmin(fmax(floor(x + 0.5), 1), z->count);

        if (k - x <= z->squeeze || a >= area(z, k + 0.5) - hat(z, k))
            return (uint64_t)k;
    }
}
