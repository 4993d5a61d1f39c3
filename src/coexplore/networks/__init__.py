"""Network families and presets: spaces, and the workloads their points stand for.

Importing the package registers them all.
"""

from __future__ import annotations

from coexplore.networks import accel_nasbench as accel_nasbench
from coexplore.networks import alexnet as alexnet
from coexplore.networks import alexnet_one_column as alexnet_one_column
from coexplore.networks import bert as bert
from coexplore.networks import encoder_decoder as encoder_decoder
from coexplore.networks import inverted_bottleneck as inverted_bottleneck
from coexplore.networks import learned_codesign as learned_codesign
from coexplore.networks import mnasnet as mnasnet
from coexplore.networks import mobilenet_v2 as mobilenet_v2
from coexplore.networks import nahas as nahas
from coexplore.networks import nas_bench_macro as nas_bench_macro
from coexplore.networks import nb201 as nb201
from coexplore.networks import plain_cnn as plain_cnn
from coexplore.networks import proxyless as proxyless
from coexplore.networks import resnet as resnet
from coexplore.networks import vgg as vgg
