"""The 478 points of MediaPipe's face mesh with irises: their groups and the distances that are measured between them.

Numbers count from 0; right and left are the subject's, and the subject's right stands on the left of the image.
Source: the connections and mappings in MediaPipe's face_landmarks_connections.h and tensors_to_face_landmarks_graph.cc.
"""

import numpy as np

__all__ = [
    "BLENDSHAPES", "BLENDSHAPE_POINTS", "CHIN", "FACE_OVAL", "IBUG", "INNER_LIPS", "INNER_LIP_PAIRS", "JAW",
    "LEFT_BROW", "LEFT_EYE", "LEFT_EYE_CORNERS", "LEFT_IRIS", "LEFT_LID_PAIRS", "LIPS", "MOUTH_CORNERS", "NOSE",
    "N_MESH", "N_POINTS", "OUTER_LIPS", "OUTER_LIP_MIDDLE", "RIGHT_BROW", "RIGHT_EYE", "RIGHT_EYE_CORNERS",
    "RIGHT_IRIS", "RIGHT_LID_PAIRS",
]  # fmt: skip

N_POINTS = 478
#: Points of the skin; the irises' come after them.
N_MESH = 468

#: Each ring of the lips from the right corner over the upper lip to the left corner and back along the lower one:
#: outer edge, two rings on the red, inner edge.
OUTER_LIPS = np.array([61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146])
_SECOND_LIPS = np.array([76, 184, 74, 73, 72, 11, 302, 303, 304, 408, 306, 307, 320, 404, 315, 16, 85, 180, 90, 77])
_THIRD_LIPS = np.array([62, 183, 42, 41, 38, 12, 268, 271, 272, 407, 292, 325, 319, 403, 316, 15, 86, 179, 89, 96])
INNER_LIPS = np.array([78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95])
LIPS = np.concatenate([OUTER_LIPS, _SECOND_LIPS, _THIRD_LIPS, INNER_LIPS])
#: Right and left corner of the inner lips.
MOUTH_CORNERS = (78, 308)
#: Upper and lower inner lip beside and in the middle, from the right.
INNER_LIP_PAIRS = ((82, 87), (13, 14), (312, 317))
OUTER_LIP_MIDDLE = (0, 17)

#: Edge of the lids from the outer corner over the upper lid to the inner corner and back along the lower one.
RIGHT_EYE = np.array([33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7])
LEFT_EYE = np.array([263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249])
#: Outer and inner corner.
RIGHT_EYE_CORNERS = (33, 133)
LEFT_EYE_CORNERS = (263, 362)
RIGHT_LID_PAIRS = tuple(zip(RIGHT_EYE[1:8].tolist(), RIGHT_EYE[:8:-1].tolist()))
LEFT_LID_PAIRS = tuple(zip(LEFT_EYE[1:8].tolist(), LEFT_EYE[:8:-1].tolist()))
#: Centre, then four points on the edge: towards the image's right, up, left, down.
RIGHT_IRIS = slice(468, 473)
LEFT_IRIS = slice(473, 478)

#: Upper, then lower edge of the brow, each from the temple inwards.
RIGHT_BROW = np.array([70, 63, 105, 66, 107, 46, 53, 52, 65, 55])
LEFT_BROW = np.array([300, 293, 334, 296, 336, 276, 283, 282, 295, 285])
#: Ridge from between the eyes to the tip, then base and wings from the right.
NOSE = np.array([168, 6, 197, 195, 5, 4, 1, 19, 94, 2, 129, 64, 98, 97, 326, 327, 294, 358])
#: Outline of the face from the top of the forehead over the left side to the chin and back along the right one.
FACE_OVAL = np.array([
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149,
    150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
])  # fmt: skip
#: Its lower part, from the right ear over the chin to the left one.
JAW = FACE_OVAL[8:29][::-1].copy()
CHIN = 152
#: About where the 68 points of iBUG are.
IBUG = np.array([
    127, 234, 93, 132, 58, 172, 150, 176, 152, 400, 379, 397, 288, 361, 323, 454, 356, 70, 63, 105, 66, 107, 336, 296,
    334, 293, 300, 168, 197, 5, 4, 98, 97, 2, 326, 327, 33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380, 61,
    39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 81, 13, 311, 308, 402, 14, 178,
])  # fmt: skip

#: The points that the network of expressions reads.
BLENDSHAPE_POINTS = np.array([
    0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63, 65, 66, 67, 70, 78, 80,
    81, 82, 84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133, 136, 144, 145, 146, 148, 149, 150, 152, 153,
    154, 155, 157, 158, 159, 160, 161, 162, 163, 168, 172, 173, 176, 178, 181, 185, 191, 195, 197, 234, 246, 249,
    251, 263, 267, 269, 270, 276, 282, 283, 284, 285, 288, 291, 293, 295, 296, 297, 300, 308, 310, 311, 312, 314,
    317, 318, 321, 323, 324, 332, 334, 336, 338, 356, 361, 362, 365, 373, 374, 375, 377, 378, 379, 380, 381, 382,
    384, 385, 386, 387, 388, 389, 390, 397, 398, 400, 402, 405, 409, 415, 454, 466, 468, 469, 470, 471, 472, 473,
    474, 475, 476, 477,
])  # fmt: skip


def _blendshapes() -> tuple[str, ...]:
    """ARKit's names in alphabetic order, with the neutral face first and without tongueOut."""
    paired = {"browDown", "browOuterUp", "cheekSquint", "eyeBlink", "eyeLookDown", "eyeLookIn", "eyeLookOut",
              "eyeLookUp", "eyeSquint", "eyeWide", "mouthDimple", "mouthFrown", "mouthLowerDown", "mouthPress",
              "mouthSmile", "mouthStretch", "mouthUpperUp", "noseSneer"}  # fmt: skip
    single = {"browInnerUp", "cheekPuff", "jawForward", "jawLeft", "jawOpen", "jawRight", "mouthClose", "mouthFunnel",
              "mouthLeft", "mouthPucker", "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower",
              "mouthShrugUpper"}  # fmt: skip
    return ("_neutral", *sorted(single | {name + side for name in paired for side in ("Left", "Right")}))


#: What the network of expressions gives, in its order.
BLENDSHAPES = _blendshapes()
