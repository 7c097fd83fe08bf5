"""The quantiles of Beta distributions by TensorFlow Probability, which only this file imports."""

import tensorflow as tf


def incomplete_beta_inverse(a, b, levels):
    """The x of which I_x(a, b) equals each level; as `incomplete_beta.inverse`."""
    special = _math()
    with tf.init_scope(), tf.device("CPU"):
        a, b = tf.constant(a, tf.float64), tf.constant(b, tf.float64)
        return special.betaincinv(a, b, levels).numpy()


def _math():
    try:
        import tensorflow_probability as tfp

        return tfp.math
    except ImportError as error:
        minor = ".".join(tf.__version__.split(".")[:2])
        raise ImportError(
            "keras_mix draws λ with TensorFlow Probability, which could not be imported: "
            f"{error}. With this TensorFlow ({tf.__version__}) it needs: "
            f'pip install tensorflow-probability && pip install --no-deps "tf-keras=={minor}.*"'
        ) from error
