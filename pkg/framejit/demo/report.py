"""The demo's table and picture."""


def table(eager, compiled):
    """The comparison as lines of text."""
    difference = max(abs(a - b) for a, b in zip(eager.losses, compiled.losses))
    stats = compiled.statistics
    rows = [
        ("", "eager", "compiled"),
        ("test accuracy", f"{eager.accuracy:.2%}", f"{compiled.accuracy:.2%}"),
        ("loss of the last epoch", f"{eager.losses[-1]:.6f}", f"{compiled.losses[-1]:.6f}"),
        ("largest difference of the loss curves", "", f"{difference:.1e}"),
        ("seconds per epoch", f"{eager.seconds_per_epoch:.3f}", f"{compiled.seconds_per_epoch:.3f}"),
        ("speed-up", "", f"{eager.seconds_per_epoch / compiled.seconds_per_epoch:.2f}x"),
        ("time compiling", "", _milliseconds(stats.get("compile_ms"))),
    ]
    rows += [
        (name, "", "-" if stats.get(name) is None else str(stats[name]))
        for name in ("graphs", "breaks", "guards", "kernels")
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    lines = [f"  {row[0]:<{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:>{widths[2]}}".rstrip() for row in rows]
    rule = "  " + "-" * (sum(widths) + 4)
    return "\n".join([lines[0], rule, *lines[1:]])


def _milliseconds(value):
    return "-" if value is None else f"{value:.1f} ms"


def draw(path, name, eager, compiled, data):
    """Write the picture: loss curves, seconds per epoch, digits with predictions. Says whether it could."""
    try:
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot
    except ImportError:
        return False
    figure = pyplot.figure(figsize=(11, 6.2), layout="constrained")
    curves, digits = figure.subfigures(2, 1, height_ratios=(1.2, 1))
    losses, times = curves.subplots(1, 2, width_ratios=(1.5, 1))
    _draw_losses(losses, eager, compiled)
    _draw_times(times, eager, compiled)
    _draw_digits(digits.subplots(2, 10), compiled, data)
    figure.suptitle(
        f"framejit demo, {name}: test accuracy {compiled.accuracy:.2%} compiled, {eager.accuracy:.2%} eager"
    )
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
    return True


def _draw_losses(axes, eager, compiled):
    epochs = range(1, len(eager.losses) + 1)
    axes.plot(epochs, eager.losses, color="tab:orange", linewidth=5, alpha=0.5, label="eager")
    axes.plot(epochs, compiled.losses, color="tab:blue", linewidth=1.5, marker="o", markersize=3, label="compiled")
    axes.set(yscale="log", xlabel="epoch", title="training loss")
    axes.legend()


def _draw_times(axes, eager, compiled):
    values = [eager.seconds_per_epoch * 1e3, compiled.seconds_per_epoch * 1e3]
    bars = axes.barh(["eager", "compiled"], values, color=["tab:orange", "tab:blue"])
    axes.bar_label(bars, fmt="%.0f ms", padding=3)
    axes.set(title="time per epoch", xlim=(0, max(values) * 1.25))
    axes.invert_yaxis()


def _draw_digits(grid, compiled, data):
    """Two rows of test images: every mistake first, in red."""
    _, _, images, labels = data
    pixels, labels = images[:, 0].tolist(), labels.tolist()
    wrong = [i for i, digit in enumerate(labels) if compiled.predictions[i] != digit]
    right = [i for i, digit in enumerate(labels) if compiled.predictions[i] == digit]
    for axes, i in zip(grid.flat, wrong + right):
        axes.imshow(pixels[i], cmap="gray_r")
        mistaken = compiled.predictions[i] != labels[i]
        text = f"{compiled.predictions[i]} (is {labels[i]})" if mistaken else str(compiled.predictions[i])
        axes.set_title(text, fontsize=9, color="tab:red" if mistaken else "black")
        axes.axis("off")
