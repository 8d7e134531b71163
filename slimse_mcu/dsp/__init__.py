"""Specification of ``firmware/dsp``: audio to features and mask to audio, in NumPy, with the tables that the C reads.

One front end exists in two arithmetics, each equal to its C bit for bit.  ``f32`` computes in single precision and is
for cores with an FPU; ``s32`` computes in integers and is for cores without.  A path is a transform
(:mod:`~slimse_mcu.dsp.stft_f32`), what makes features of its spectrum (:mod:`~slimse_mcu.dsp.features_f32`) and what
applies a mask to it (:mod:`~slimse_mcu.dsp.mask_f32`); each says which C source, structure and constants it is.
:mod:`slimse_mcu.frontend` puts them together.
"""
