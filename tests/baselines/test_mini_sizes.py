"""The mini size of every method runs forward and backward, and is small."""

import pytest
import torch

from baselines.cen.config import SIZES as CEN_SIZES
from baselines.cen.model import CenCaptioner
from baselines.dshmp.config import SIZES as DSHMP_SIZES
from baselines.dshmp.model import DsHmp
from baselines.layers.inputs.text_reference import TextReference
from baselines.layers.nn.language_queries import LANGUAGE_QUERIES_SIZES
from baselines.layers.nn.referring_detector import SIZES as DETECTOR_SIZES
from baselines.layers.nn.text_encoder import HashTokenizer, build_roberta
from baselines.layers.nn.track_queries import LifeCycle, TrackRules
from baselines.lbdt.config import SIZES as LBDT_SIZES
from baselines.lbdt.model import Lbdt
from baselines.lmpm.config import SIZES as LMPM_SIZES
from baselines.lmpm.model import Lmpm
from baselines.mttr.config import SIZES as MTTR_SIZES
from baselines.mttr.model import Mttr
from baselines.mutr.model import Mutr
from baselines.r2vos.config import SIZES as R2VOS_SIZES
from baselines.r2vos.model import R2Vos
from baselines.referformer.model import ReferFormer
from baselines.sgmg.model import SgMg
from baselines.soc.config import SIZES as SOC_SIZES
from baselines.soc.model import Soc
from baselines.temprmot.model import TempRmot
from baselines.transrmot.model import TransRmot
from baselines.urvos.config import SIZES as URVOS_SIZES
from baselines.urvos.model import Urvos
from baselines.urvos.words import word_rows
from baselines.vast.config import SIZES as VAST_SIZES
from baselines.vast.model import Vast
from baselines.vlt.config import SIZES as VLT_SIZES
from baselines.vlt.model import MAX_WORDS, Vlt
from baselines.wnet.config import SIZES as WNET_SIZES
from baselines.wnet.model import WNet

FRAMES = torch.rand(2, 3, 64, 96)
IDS = torch.tensor([HashTokenizer().encode("the bird flying away").ids])


def lmpm():
    config = LMPM_SIZES["mini"]
    network = Lmpm(build_roberta(config.text), config)
    return network, lambda: trajectory_logits(network, network.encode_text(IDS, torch.ones_like(IDS)))


def dshmp():
    network = DsHmp(DSHMP_SIZES["mini"])
    return network, lambda: trajectory_logits(network, network.encode_text(IDS, torch.ones_like(IDS), (1, 2), (3, 4)))


def trajectory_logits(network, sentence):
    features = network.encode_frames(network.stem(FRAMES), sentence)
    logits, embeddings = network.encode_clip(features.queries, sentence)
    return torch.cat((logits.flatten(), (embeddings @ network.mask_features(features.fine).flatten(2)).flatten()))


def language_queries(network_type):
    config = LANGUAGE_QUERIES_SIZES["mini"]
    reference = TextReference(build_roberta(config.text), config.channels)
    network = network_type("resnet-mini", reference, config)

    def run():
        segmented = network(network.encode(FRAMES), network.read(IDS))
        return torch.cat((segmented.logits.flatten(), segmented.masks.flatten()))

    return network, run


def sgmg():
    config = LANGUAGE_QUERIES_SIZES["mini"]
    network = SgMg("resnet-mini", TextReference(build_roberta(config.text), config.channels, separate=True), config)

    def run():
        clip = network.encode(FRAMES)
        segmented = network(clip, network.read(IDS))
        refined = torch.cat(list(network.refine(clip, segmented.patches)))
        return torch.cat((segmented.logits.flatten(), refined.flatten()))

    return network, run


def soc():
    config = SOC_SIZES["mini"]
    network = Soc("resnet-mini", TextReference(build_roberta(config.text), config.channels), config)

    def run():
        segmented = network(network.encode(FRAMES), network.read(IDS))
        return torch.cat((segmented.logits.flatten(), segmented.masks.flatten()))

    return network, run


def r2vos():
    config = R2VOS_SIZES["mini"]
    network = R2Vos("resnet-mini", TextReference(build_roberta(config.text), config.channels), config)

    def run():
        answer = network(network.encode(FRAMES), network.read(IDS))
        segmented = answer.segmented
        return torch.cat((answer.disagreement[None], segmented.logits.flatten(), segmented.masks.flatten()))

    return network, run


def mttr():
    config = MTTR_SIZES["mini"]
    network = Mttr(build_roberta(config.text, pooler=False), config)

    def run():
        segmented = network(network.encode(FRAMES), network.read(IDS))
        return torch.cat((segmented.referred.flatten(), segmented.masks(-1).flatten()))

    return network, run


def detector(network_type, **options):
    network = network_type(DETECTOR_SIZES["mini"], track_attention=True, backbone="resnet-mini", **options)
    rules = TrackRules(0.0, 0.0, 5, 10, 0.0, 0.0, 0.0)  # every query starts a track

    def run():
        life, tracks, outputs = LifeCycle(rules), None, []
        for frame in FRAMES:
            step = network.step(network.encode(network.see(frame[None]), network.read(IDS)), tracks, life)
            tracks = step.tracks
            outputs += [step.detections.logits, step.detections.refers, step.detections.boxes.flatten()]
        return torch.cat(outputs)

    return network, run


def wnet():
    network = WNet(len(FRAMES), "resnet-mini", WNET_SIZES["mini"])

    def run():
        outputs = network(network.encode(FRAMES), torch.randn(1, 39, 30))
        return torch.cat((outputs.pred_masks.flatten(), outputs.pred_boxes.flatten()))

    return network, run


def lbdt():
    network = Lbdt(LBDT_SIZES["mini"])

    def run():
        words = network.encode_words(torch.randn(2, 6, 300), torch.ones(2, 6, dtype=torch.bool))
        return network(network.encode_frames(FRAMES, FRAMES.flip(0)), words).flatten()

    return network, run


def urvos():
    network = Urvos(URVOS_SIZES["mini"])

    def run():
        frames = network.encode(FRAMES)
        memory = network.remember(frames, torch.rand(2, 64, 96))
        return network(frames, network.encode_text(word_rows("the bird flying away", 6)), memory).flatten()

    return network, run


def vlt():
    network = Vlt(VLT_SIZES["mini"], temporal_context=True)

    def run():
        words = network.read(torch.randn(1, MAX_WORDS, 300))
        words = type(words)(*(part.expand(2, *part.shape[1:]) for part in words))  # batch norms want two
        balanced = network.respond(network.backbone(torch.rand(2, 3, 128, 128)), words).balanced
        return network.draw(network.connect(balanced)).flatten()

    return network, run


def captioner(network, decode):
    return network, lambda: decode(IDS, torch.ones_like(IDS), network.encode(torch.rand(1, 2, 3, 96, 96))).flatten()


def vast():
    network = Vast(VAST_SIZES["mini"])
    return captioner(network, network)


def cen():
    network = CenCaptioner(CEN_SIZES["mini"])
    return captioner(network, network.cen)


CASES = {
    "lmpm": lmpm,
    "dshmp": dshmp,
    "referformer": lambda: language_queries(ReferFormer),
    "mutr": lambda: language_queries(Mutr),
    "sgmg": sgmg,
    "soc": soc,
    "r2vos": r2vos,
    "mttr": mttr,
    "transrmot": lambda: detector(TransRmot),
    "wnet": wnet,
    "lbdt": lbdt,
    "urvos": urvos,
    "vlt": vlt,
    "vast": vast,
    "cen": cen,
    "temprmot": lambda: detector(TempRmot, history=2),
}


@pytest.mark.parametrize("name", CASES)
def test_the_mini_size_is_small_and_learns(name):
    torch.manual_seed(0)
    network, run = CASES[name]()
    assert sum(parameter.numel() for parameter in network.parameters()) < 5e6
    outputs = run()
    assert outputs.isfinite().all()
    outputs.square().mean().backward()
    reached = [
        parameter.grad is not None and bool(parameter.grad.abs().sum() > 0) for parameter in network.parameters()
    ]
    assert sum(reached) / len(reached) > 0.5
