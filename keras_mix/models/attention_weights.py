"""AttentionWeights."""

import inspect
from collections.abc import Sequence
from typing import Literal

import keras
from keras import ops

from keras_mix._core import checks, keras_compat
from keras_mix._core.options import argument_errors
from keras_mix.models._options.label_weights import LabelWeights

SCORES = "return_attention_scores"


@keras.saving.register_keras_serializable(package="keras_mix")
@argument_errors.name_class
class AttentionWeights(LabelWeights):
    """Weighs labels by the attention that the class token pays to the patches of each source.

    The value of `weigh_labels` of `MixingModel`. A box of background counts less than a box with
    the object: with CutMix this is TransMix, with GridMix and `trust="progressive"` MixPro. The
    attention of the mixed image is that of the training step itself, so that it costs no further
    forward pass.

    With the attention a of the class token to each patch, mean over the heads, and the patches P_s
    of source s, the weight of its label is
    (1 - trust) · area_s + trust · Σ_{P_s} a / Σ a. A patch belongs to the source of its first
    pixel, as in the authors' nearest-neighbor resize. No gradient flows through the weights. Labels
    of samples that no region has mixed, such as MixUp's, keep their weights, and so do labels of
    single pixels. Metrics see the label of the largest weight.

    The layer is one whose `call` takes `return_attention_scores`, such as
    `keras.layers.MultiHeadAttention`, without flash attention, which computes no scores. It must
    come after the mix point. If it is called more than once in a forward pass, its last call
    counts. Attention dropout applies after the scores.

    Deviations: MixPro's code lets the gradient flow through the similarity. TransMix's code shares
    one box across the batch; here that is the mixer's `per="batch"`.

    Args:
        layer: String. Name or path of the attention layer in the model, such as
            "encoder/block_11/attention"; both papers take that of the last block.
        class_token: Integer ≥ 0. Index of the class token among the tokens. All others are patches,
            by rows; if `grid` says how many, the last ones, so that registers or a token of
            distillation may stand before them. Defaults to 0.
        grid: Tuple of integers. The numbers of patches along each axis that is cut, such as
            (14, 14). Defaults to None: square patches that tile the image.
        trust: Float in (0, 1], or "progressive". The weight of the attention beside that of the
            area. "progressive" trusts it as far as each prediction is right: by the cosine
            similarity of the prediction and the label mixed by area, which needs a cross-entropy of
            class labels. Defaults to 0.5, as in TransMix's code.

    Raises:
        ValueError: If an argument is out of range; by the model that takes it, if no layer has the
            name, if the layer gives no scores, if its patches do not tile what is cut, if it comes
            before the mix point, or if no mixer of the model cuts.

    Example:

    >>> images = keras.Input((16, 16, 1))
    >>> patches = keras.layers.Conv2D(8, 4, strides=4)(images)
    >>> tokens = keras.layers.Reshape((16, 8))(patches)
    >>> tokens = keras.layers.ZeroPadding1D((1, 0))(tokens)  # The class token, without weights.
    >>> attended = keras.layers.MultiHeadAttention(2, 4, name="attention")(tokens, tokens)
    >>> outputs = keras.layers.Dense(10, activation="softmax")(attended[:, 0])
    >>> model = keras_mix.models.MixingModel(
    ...     keras.Model(images, outputs),
    ...     mixer=keras_mix.layers.CutMix(),
    ...     weigh_labels=keras_mix.models.AttentionWeights("attention"),
    ... )
    >>> model.compile("adam", "sparse_categorical_crossentropy")
    >>> history = model.fit(np.random.rand(32, 16, 16, 1), np.arange(32) % 10, verbose=0)

    Reference:
        Chen et al., "TransMix: Attend to Mix for Vision Transformers", CVPR 2022, arXiv:2111.09833;
        the authors' code (Beckschen/TransMix, `transmix_label` in `transmix.py`). Zhao et al.,
        "MixPro: Data Augmentation with MaskMix and Progressive Attention Labeling for Vision
        Transformer", ICLR 2023, arXiv:2304.12043; the authors' code (fistyee/MixPro,
        `train_one_epoch` in `main.py`).
    """

    of_outputs = False

    def __init__(
        self,
        layer: str,
        *,
        class_token: int = 0,
        grid: Sequence[int] | None = None,
        trust: float | Literal["progressive"] = 0.5,
    ) -> None:
        super().__init__(layer, grid, trust)
        self.class_token = checks.integer("class_token", class_token, low=0)

    def check(self, owner, path, layer):
        if SCORES not in inspect.signature(layer.call).parameters:
            checks.refuse(
                owner,
                f"the layer of AttentionWeights must give scores: its `call` takes `{SCORES}`",
                f"`{path}`, a {type(layer).__name__}",
                "Name a keras.layers.MultiHeadAttention; or use FeatureWeights.",
            )
        if keras_compat.computes_no_scores(layer):
            checks.refuse(
                owner,
                "the layer of AttentionWeights must give scores, and flash attention computes none",
                f"`{path}`, a {type(layer).__name__} with flash attention",
                "Make the layer with flash_attention=False, after "
                "keras.config.disable_flash_attention().",
            )

    def called(self, call, parameters, args, kwargs):
        given = {**dict(zip(parameters, args, strict=False)), **kwargs}
        outputs = call((), {**given, SCORES: True})
        return (outputs if given.get(SCORES) else outputs[0]), outputs[1]

    def map_of(self, owner, path, tensor, region):
        shape = getattr(tensor, "shape", ())
        if len(shape) not in (3, 4) or None in shape[-2:]:
            checks.refuse(
                owner,
                f"the scores of `{path}` must be (B, heads, tokens, tokens) or (B, tokens, tokens) "
                "of known numbers of tokens",
                checks.described(tensor),
                "Fix the size of the model's inputs; or use FeatureWeights.",
            )
        if self.class_token >= min(shape[-2:]):
            checks.refuse(
                owner,
                f"`class_token` must be one of the {min(shape[-2:])} tokens of `{path}`",
                f"class_token={self.class_token}",
            )
        scores = ops.cast(tensor, "float32")
        if len(shape) == 4:
            scores = ops.mean(scores, axis=1)
        row, token = scores[:, self.class_token], self.class_token
        tokens = ops.concatenate([row[:, :token], row[:, token + 1 :]], axis=1)
        return self.on_grid(owner, path, tokens, region.sizes)
