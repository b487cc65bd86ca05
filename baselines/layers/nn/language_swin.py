"""Swin Transformer whose stages are fused with the words of a sentence (LMPM, DsHmp).

Yang et al., "LAVT: Language-Aware Vision Transformer" (CVPR 2022), sections 3.1 to 3.3. Axes: t frames, p positions of
a map (h * w), c channels of a stage, n words, d channels of a word.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from baselines.layers.nn.swin import PatchEmbed, PatchMerging, SwinConfig, run_blocks, swin_blocks


def _project(channels: int, out: int, *after: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Conv1d(channels, out, 1), *after)


class WordAttention(nn.Module):
    """Every position gathers what the words say about it: one head, queries and results instance-normalized."""

    def __init__(self, channels: int, words: int) -> None:
        super().__init__()
        self.f_key = _project(words, channels)
        self.f_query = _project(channels, channels, nn.InstanceNorm1d(channels))
        self.f_value = _project(words, channels)
        self.W = _project(channels, channels, nn.InstanceNorm1d(channels))

    def forward(self, x: Tensor, words: Tensor, mask: Tensor) -> Tensor:
        """Return ``(t, c, p)`` for positions ``(t, c, p)``, words ``(1, d, n)`` and their mask ``(1, n)``, 1 = word."""
        mask = mask.to(x.dtype)
        query = self.f_query(x)
        key = self.f_key(words) * mask[:, None]
        value = self.f_value(words) * mask[:, None]
        # The bias alone is exact; added to the logits before the subtraction it would round them to 1e-3.
        bias = (1e4 * mask - 1e4)[:, None, None]
        frames = len(query)
        query, key, value = (z.transpose(1, 2)[:, None] for z in (query, key, value))
        key, value = key.expand(frames, -1, -1, -1), value.expand(frames, -1, -1, -1)
        out = F.scaled_dot_product_attention(query, key, value, attn_mask=bias.to(query.dtype))
        result: Tensor = self.W(out[:, 0].transpose(1, 2))
        return result


class PixelWordFusion(nn.Module):
    """Multiply a projected map by what its positions gathered from the words (LAVT's PWAM)."""

    def __init__(self, channels: int, words: int) -> None:
        super().__init__()
        self.vis_project = _project(channels, channels, nn.GELU())
        self.image_lang_att = WordAttention(channels, words)
        self.project_mm = _project(channels, channels, nn.GELU())

    def forward(self, x: Tensor, words: Tensor, mask: Tensor) -> Tensor:
        """Map tokens ``(t, p, c)`` to fused tokens ``(t, p, c)``; words and mask as in ``WordAttention``."""
        x = x.transpose(1, 2)
        fused = self.project_mm(self.vis_project(x) * self.image_lang_att(x, words, mask))
        out: Tensor = fused.transpose(1, 2)
        return out


class LanguageSwinStage(nn.Module):
    """Swin blocks, fusion with the words, and the gate and merging that lead to the next stage."""

    def __init__(self, config: SwinConfig, stage: int, words: int) -> None:
        super().__init__()
        width = config.widths[stage]
        last = stage == len(config.depths) - 1
        self.blocks = swin_blocks(config, stage)
        self.fusion = PixelWordFusion(width, words)
        self.downsample = None if last else PatchMerging(width)
        if not last:
            self.res_gate = nn.Sequential(
                nn.Linear(width, width, bias=False), nn.ReLU(), nn.Linear(width, width, bias=False), nn.Tanh()
            )

    def forward(self, x: Tensor, words: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Fuse the map after the blocks.

        Args:
            x: ``(t, h, w, c)``, already through ``blocks``.
            words: ``(1, d, n)``.
            mask: ``(1, n)``, 1 on words.

        Returns:
            The fused map ``(t, h, w, c)`` and the next stage's input (the last stage: the fused map again).
        """
        fused = self.fusion(x.flatten(1, 2), words, mask).view(x.shape)
        if self.downsample is None:
            return fused, fused
        return fused, self.downsample(x + self.res_gate(fused) * fused)


class LanguageSwin(nn.Module):
    """Swin backbone fused with the words after the blocks of every stage; its outputs are the fused maps."""

    def __init__(self, config: SwinConfig, words: int = 768) -> None:
        super().__init__()
        self.patch_embed = PatchEmbed(config.channels, config.patch)
        stages = [LanguageSwinStage(config, stage, words) for stage in range(len(config.depths))]
        self.layers = nn.ModuleList(stages)
        for stage, width in enumerate(config.widths):
            self.add_module(f"norm{stage}", nn.LayerNorm(width))

    def stem(self, images: Tensor) -> Tensor:
        """Run what does not see the words: patches and the blocks of the first stage.

        Args:
            images: ``(t, 3, h, w)``.

        Returns:
            ``(t, h / 4, w / 4, c)``, to be given to ``forward`` once per sentence.
        """
        return run_blocks(self._stage(0).blocks, self.patch_embed(images))

    def _stage(self, index: int) -> LanguageSwinStage:
        stage = self.layers[index]
        assert isinstance(stage, LanguageSwinStage)
        return stage

    def forward(self, stem: Tensor, words: Tensor, mask: Tensor) -> list[Tensor]:
        """Return the normalized fused maps ``(t, c_i, h / 4, w / 4)`` ... ``(t, c_i, h / 32, w / 32)``."""
        maps = []
        x = stem
        for index in range(len(self.layers)):
            stage = self._stage(index)
            if index > 0:
                x = run_blocks(stage.blocks, x)
            fused, x = stage(x, words, mask)
            maps.append(self.get_submodule(f"norm{index}")(fused).permute(0, 3, 1, 2).contiguous())
        return maps
