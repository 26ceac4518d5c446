"""Functions over NumPy arrays as programs have them, changed by nothing but the decorator: framejit against NumPy.

Twenty kinds of work that public code is full of: signal, image, statistics, simulation, finance, geometry. Each takes about
1e5 elements and runs on one thread. The target is a median of twice NumPy's speed with no function slower than it.
"""

import statistics
import sys
import types

from benchmarks.harness import Row, compare, one_thread, peer

np = peer("numpy")
N = 100_000


# -- signal --------------------------------------------------------------------------------------------------------


def smoothed(x, kernel):
    return np.convolve(x, kernel / kernel.sum(), mode="same")


def standard_score(x):
    return (x - np.mean(x)) / np.std(x)


def loudness(x, frame):
    frames = x.reshape(-1, frame)
    rms = np.sqrt(np.mean(frames**2, axis=1))
    return 20 * np.log10(np.maximum(rms, 1e-10))


# -- image ---------------------------------------------------------------------------------------------------------


def luminance(image):
    linear = np.where(image <= 0.04045, image / 12.92, ((image + 0.055) / 1.055) ** 2.4)
    return 0.2126 * linear[..., 0] + 0.7152 * linear[..., 1] + 0.0722 * linear[..., 2]


def sobel(image):
    gx = image[:-2, 2:] - image[:-2, :-2] + 2 * (image[1:-1, 2:] - image[1:-1, :-2]) + image[2:, 2:] - image[2:, :-2]
    gy = image[2:, :-2] - image[:-2, :-2] + 2 * (image[2:, 1:-1] - image[:-2, 1:-1]) + image[2:, 2:] - image[:-2, 2:]
    return np.hypot(gx, gy)


def contrast(image, low, high):
    scaled = (image.astype(np.float32) - low) / (high - low)
    return (np.clip(scaled, 0, 1) ** 0.8 * 255).astype(np.uint8)


def blend(top, bottom, alpha):
    a = alpha[..., np.newaxis]
    return np.clip(top * a + bottom * (1 - a), 0.0, 1.0)


# -- statistics ----------------------------------------------------------------------------------------------------


def gaussian_log_likelihood(x, mu, sigma):
    z = (x - mu) / sigma
    return np.sum(-0.5 * z * z - np.log(sigma) - 0.5 * np.log(2 * np.pi))


def skewness_and_kurtosis(x):
    d = x - x.mean()
    variance = np.mean(d**2)
    return np.mean(d**3) / variance**1.5, np.mean(d**4) / variance**2 - 3


def softmax_rows(scores):
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def robust_loss(residual, delta):
    size = np.abs(residual)
    return np.where(size <= delta, 0.5 * residual**2, delta * (size - 0.5 * delta)).mean()


# -- simulation ----------------------------------------------------------------------------------------------------


def heat_step(u, rate):
    new = u.copy()
    new[1:-1, 1:-1] = u[1:-1, 1:-1] + rate * (
        u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4 * u[1:-1, 1:-1]
    )
    return new


def lennard_jones(r, epsilon, sigma):
    s6 = (sigma / r) ** 6
    energy = 4 * epsilon * (s6 * s6 - s6)
    force = 24 * epsilon * (2 * s6 * s6 - s6) / r
    return energy.sum(), force


def leapfrog(position, velocity, dt):
    for _ in range(4):
        velocity = velocity - 0.5 * dt * np.sin(position)
        position = position + dt * velocity
        velocity = velocity - 0.5 * dt * np.sin(position)
    return position, velocity


def gray_scott(u, v, feed, kill, dt):
    def laplacian(a):
        return np.roll(a, 1, 0) + np.roll(a, -1, 0) + np.roll(a, 1, 1) + np.roll(a, -1, 1) - 4 * a

    uvv = u * v * v
    u = u + dt * (0.16 * laplacian(u) - uvv + feed * (1 - u))
    v = v + dt * (0.08 * laplacian(v) + uvv - (feed + kill) * v)
    return u, v


# -- finance -------------------------------------------------------------------------------------------------------


def normal_cdf(x):
    k = 1.0 / (1.0 + 0.2316419 * np.abs(x))
    poly = k * (0.319381530 + k * (-0.356563782 + k * (1.781477937 + k * (-1.821255978 + k * 1.330274429))))
    tail = np.exp(-0.5 * x * x) / np.sqrt(2 * np.pi) * poly
    return np.where(x >= 0, 1 - tail, tail)


def black_scholes(spot, strike, years, rate, volatility):
    d1 = (np.log(spot / strike) + (rate + 0.5 * volatility**2) * years) / (volatility * np.sqrt(years))
    d2 = d1 - volatility * np.sqrt(years)
    call = spot * normal_cdf(d1) - strike * np.exp(-rate * years) * normal_cdf(d2)
    return call, call - spot + strike * np.exp(-rate * years)


def drawdown(prices):
    returns = np.diff(np.log(prices))
    wealth = np.exp(np.cumsum(returns))
    peak = np.maximum.accumulate(wealth)
    return (wealth / peak - 1).min(), returns.std() * np.sqrt(252)


# -- geometry ------------------------------------------------------------------------------------------------------


def haversine(lat1, lon1, lat2, lon2):
    lat1, lon1, lat2, lon2 = map(np.radians, (lat1, lon1, lat2, lon2))
    a = np.sin((lat2 - lat1) / 2) ** 2 + np.cos(lat1) * np.cos(lat2) * np.sin((lon2 - lon1) / 2) ** 2
    return 2 * 6371.0 * np.arcsin(np.sqrt(a))


def rotated(points, yaw, pitch):
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    x, y, z = points[:, 0], points[:, 1], points[:, 2]
    x, y = cy * x - sy * y, sy * x + cy * y
    x, z = cp * x + sp * z, cp * z - sp * x
    return np.stack([x, y, z], axis=1)


def triangle_normals(a, b, c):
    n = np.cross(b - a, c - a)
    return n / np.linalg.norm(n, axis=1, keepdims=True)


def cases():
    """(function, arguments)."""
    rng = np.random.default_rng(0)
    line, other = rng.standard_normal(N), rng.standard_normal(N)
    side = 316
    image, colour = rng.random((side, side)), rng.random((183, 183, 3))
    plane = (rng.random((183, 183, 3)), rng.random((183, 183, 3)), rng.random((183, 183)))
    points = [rng.standard_normal((N // 3, 3)) for _ in range(3)]
    degrees = [rng.uniform(-60, 60, N) for _ in range(4)]
    return [
        (smoothed, (line, np.hamming(11))),
        (standard_score, (line,)),
        (loudness, (line, 500)),
        (luminance, (colour,)),
        (sobel, (image,)),
        (contrast, ((image * 255).astype(np.uint8), 10.0, 200.0)),
        (blend, plane),
        (gaussian_log_likelihood, (line, 0.1, 1.3)),
        (skewness_and_kurtosis, (line,)),
        (softmax_rows, (line.reshape(1000, 100),)),
        (robust_loss, (line, 1.35)),
        (heat_step, (image, 0.1)),
        (lennard_jones, (rng.uniform(0.9, 3, N), 1.0, 1.1)),
        (leapfrog, (line, other, 0.01)),
        (gray_scott, (image, rng.random((side, side)), 0.035, 0.065, 1.0)),
        (black_scholes, (rng.uniform(80, 120, N), rng.uniform(80, 120, N), rng.uniform(0.1, 2, N), 0.03, 0.2)),
        (drawdown, (100 * np.exp(np.cumsum(0.01 * line)),)),
        (haversine, tuple(degrees)),
        (rotated, (points[0], 0.3, -0.2)),
        (triangle_normals, tuple(points)),
    ]


def decorated(framejit, function):
    """The function as `@framejit.compile` would leave it, its helpers plain functions of this module."""
    return framejit.compile(types.FunctionType(function.__code__, globals(), function.__name__))


def alike(ours, plain):
    ours, plain = (v if isinstance(v, tuple) else (v,) for v in (ours, plain))
    for a, b in zip(ours, plain, strict=True):
        if type(a) is not type(b) or a.dtype != b.dtype:
            raise AssertionError(f"{type(a)} {a.dtype}, not {type(b)} {b.dtype}")
        # Integers of rounded numbers may fall to the other side.
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1 if b.dtype.kind in "iu" else 1e-9)


def rows(options):
    framejit = peer("framejit")
    if np is None:
        print("numpy_functions: NumPy is not installed", file=sys.stderr)
        return
    one_thread(framejit)
    factors = []
    for function, arguments in cases():
        fast = decorated(framejit, function)
        for _ in range(3):
            alike(fast(*arguments), function(*arguments))
        row = compare(
            "numpy_functions",
            function.__name__.replace("_", " "),
            {"framejit": lambda: fast(*arguments), "numpy": lambda: function(*arguments)},
            options,
            target="not slower than NumPy",
            meets=lambda ours, peers: ours <= peers["numpy"],
        )
        factors.append(row.peers["numpy"] / row.value)
        yield row
    middle = statistics.median(factors)
    yield Row("numpy_functions", "median factor over NumPy", "x", middle, {}, "2x", middle >= 2)
