"""The label fitter's energy and its Gauss-Newton solver, over all frames of a clip at once.

The energy, everything in units of standard deviations::

    sum  huber(|observed - projected| / noise)^2          landmarks, pairs of landmarks, jaw line along its normal
       + u' P u + 2 sparsity sum(w)                       prior of the weights (`fitting.face`)
       + e' e                                             common errors of the detector (`landmarks.detector.Profile`)
       + sum ((u - target) / spread)^2                    where a weight was measured otherwise, e.g. blinks
       + sum certainty (gap / spread)^2                   where the lips were seen to touch: the rig's gap beyond rest
       + sum |u_t - u_{t-1}|^2 / smoothness^2             and the same for head rotation and position
       + T |a|^2                                          identity, only while it is sought

Pixels become mm on the face by each frame's mean scale. One step is a bounded quadratic program on the
chain of frames (`fitting.bounded`); identity is eliminated by its Schur complement; the step is halved until
the true energy falls.
"""

from dataclasses import replace

import numpy as np

from speechface.fitting.bounded import solve_bounded_chain
from speechface.fitting.clip import N_POSE, ROTATION_UNIT, TRANSLATION_UNIT, Clip, FitSettings, State
from speechface.fitting.face import Face
from speechface.fitting.pose import initial_pose
from speechface.geometry.rotation import rotvec_from_matrix, skew

__all__ = ["covariance", "fit"]

#: A jaw landmark slides along the jaw: the fraction of a tangential miss that counts.
_TANGENTIAL = 0.1
#: Standard deviation of the head's motion from frame to frame, radians and mm.
_ROTATION_STEP, _TRANSLATION_STEP = 0.03, 3.0
#: Largest step of a pose variable, in its units.
_LARGEST_STEP = 5.0
#: Frequencies over which the covariance of a chain is averaged.
_TURNS = 12


class _Problem:
    """Residuals, derivatives and energy of one clip and one face."""

    def __init__(self, face, clip, settings, solve_identity):
        self.face, self.clip, self.settings = face, clip, settings
        self.profile, self.jaw, self.inner = face.profile, face.profile.jaw, face.profile.inner
        self.frames, self.n_points = clip.observed.shape[:2]
        self.solve_identity = solve_identity and face.identity.shape[-1] > 0
        self.pairs = self.profile.pairs
        paired = np.minimum(*clip.trust[:, self.pairs.T].swapaxes(0, 1))
        trust = np.concatenate([self.profile.weights * clip.trust, self.profile.pair_weights * paired], 1)
        self.precision = trust / settings.noise_mm**2
        self.normal = self._jaw_normals()
        self.tangent = np.stack([-self.normal[..., 1], self.normal[..., 0]], -1) * _TANGENTIAL
        # arrays the solver multiplies with, one matrix (3, n) a landmark
        self.n = face.shapes.shape[-1]
        self.coupling = np.zeros(N_POSE + self.n)
        if clip.chain:
            self.coupling[:3] = (ROTATION_UNIT / _ROTATION_STEP) ** 2
            self.coupling[3:N_POSE] = (TRANSLATION_UNIT / _TRANSLATION_STEP) ** 2
            self.coupling[N_POSE:] = (settings.smoothness * face.steps) ** -2.0

        def padded(array, value):
            """(T, channels) -> (T, n): errors of the detector have no target and their own prior."""
            return np.pad(array, ((0, 0), (0, self.n - array.shape[1])), constant_values=value)

        self.target, self.target_precision = padded(clip.target, 0.0), padded(clip.target_precision, 0.0)
        self.prior_scale = padded(clip.prior_scale, 1.0)
        self.prior_root = np.sqrt(self.prior_scale)

    def _jaw_normals(self):
        """Unit normals (T, j, 2) of the observed jaw line, pointing away from the nose."""
        observed = self.clip.observed
        jaw = observed[:, self.jaw]
        tangent = np.gradient(jaw, axis=1)
        normal = np.stack([tangent[..., 1], -tangent[..., 0]], -1)
        normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-9)
        outwards = jaw - observed[:, self.profile.nose].mean(1, keepdims=True)
        return normal * np.where((normal * outwards).sum(-1, keepdims=True) < 0, -1.0, 1.0)

    def jaw_vertices(self, state):
        """Candidate (T, j) of each jaw landmark that lies on the silhouette: outermost along the normal."""
        face, frames = self.face, self.frames
        flat = face.jaw_shapes.reshape(-1, self.n)
        points = (state.variables @ flat.T).reshape((frames,) + face.jaw_neutral.shape)
        points += face.jaw_neutral + face.jaw_identity @ state.identity
        image = self._project(self._camera(state, points.reshape(frames, -1, 3)))[0]
        image = image.reshape(frames, *face.jaw_neutral.shape[:2], 2)
        return np.matmul(image, self.normal[..., None])[..., 0].argmax(-1)

    def basis(self, jaw):
        """Per frame: jaw rows of neutral, shapes and identity for the chosen vertices."""
        row = np.arange(len(self.face.jaw_neutral))[None]
        face = self.face
        return face.jaw_neutral[row, jaw], face.jaw_shapes[row, jaw], face.jaw_identity[row, jaw]

    def points(self, state, basis):
        """Landmarks (T, p, 3) on the face, mm."""
        face, points = self.face, np.empty((self.frames, self.n_points, 3))
        inner = face.neutral[self.inner] + face.identity[self.inner] @ state.identity
        shapes = face.shapes[self.inner].reshape(-1, self.n)
        points[:, self.inner] = inner + (state.variables @ shapes.T).reshape(self.frames, -1, 3)
        neutral, jaw_shapes, identity = basis
        jaw = neutral + identity @ state.identity
        points[:, self.jaw] = jaw + np.matmul(jaw_shapes, state.variables[:, None, :, None])[..., 0]
        return points

    def _camera(self, state, points):
        return points @ state.rotation.transpose(0, 2, 1) + state.translation[:, None]

    def _project(self, camera):
        scale = self.clip.focal[:, None] / np.maximum(-camera[..., 2], 1.0)
        return scale[..., None] * camera[..., :2], scale

    def project(self, state, jaw):
        """Landmarks in the image (T, p, 2), pixels from the principal point, y up."""
        return self._project(self._camera(state, self.points(state, self.basis(jaw))))[0]

    def _oriented(self, vectors):
        """Turn the jaw rows of (T, p, 2, k) into (normal, down-weighted tangential) components."""
        vectors[:, self.jaw] = np.matmul(np.stack([self.normal, self.tangent], -2), vectors[:, self.jaw])
        return vectors

    def _with_pairs(self, vectors):
        first, second = self.pairs.T
        return np.concatenate([vectors, vectors[:, first] - vectors[:, second]], 1)

    def residual(self, image, scale):
        """Misses (T, p + pairs, 2), mm."""
        miss = (self.clip.observed - image) / scale
        return self._oriented(self._with_pairs(miss)[..., None])[..., 0]

    def energy(self, state, basis, scale):
        """The energy of `state`, at the jaw vertices and the scale of the step's start."""
        settings, clip = self.settings, self.clip
        image = self._project(self._camera(state, self.points(state, basis)))[0]
        size = np.linalg.norm(self.residual(image, scale), axis=-1)
        edge = settings.huber * settings.noise_mm
        value = (self.precision * np.where(size < edge, size**2, 2 * edge * size - edge**2)).sum()
        u = state.variables
        scaled = u * self.prior_root
        value += ((scaled @ self.face.precision) * scaled).sum()
        value += 2 * settings.sparsity * ((u * self.prior_scale) @ self.face.sparsity).sum()
        value += (self.target_precision * (u - self.target) ** 2).sum()
        if clip.contact is not None:
            value += (clip.contact[:, None] * (u @ self.face.gaps.T) ** 2).sum()
        if self.solve_identity:
            value += self.frames * state.identity @ state.identity
        if clip.chain:
            value += (self._differences(state) ** 2 * self.coupling).sum()
        return float(value)

    def _differences(self, state):
        """First differences (T - 1, 6 + n) of pose (in its units) and variables."""
        turn = rotvec_from_matrix(state.rotation[1:] @ state.rotation[:-1].transpose(0, 2, 1))
        shift = np.diff(state.translation, axis=0)
        change = np.diff(state.variables, axis=0)
        return np.concatenate([turn / ROTATION_UNIT, shift / TRANSLATION_UNIT, change], 1)

    def jacobian(self, state, basis):
        """Derivatives, mm, of the image of every landmark.

        Returns
        -------
        image : ndarray (T, p, 2)
        scale : ndarray (T, 1, 1), pixels per mm
        jacobian : ndarray (T, p, 2, 6 + n)
        identity : ndarray (T, p, 2, k) or None
        """
        frames, face, n_points = self.frames, self.face, self.n_points
        turned = self.points(state, basis) @ state.rotation.transpose(0, 2, 1)
        camera = turned + state.translation[:, None]
        image, per_point = self._project(camera)
        scale = per_point.mean(1)[:, None, None]
        lens = np.zeros((frames, n_points, 2, 3))
        lens[..., 0, 0] = lens[..., 1, 1] = per_point / scale[..., 0]
        lens[..., 2] = image / (-camera[..., 2] * scale[..., 0])[..., None]
        onto_face = np.matmul(lens, state.rotation[:, None])

        def along(inner, jaw):
            """Derivative by linear coordinates of the face, (T, p, 2, columns)."""
            columns = inner.shape[-1]
            out = np.empty((frames, n_points, 2, columns))
            out[:, self.jaw] = np.matmul(onto_face[:, self.jaw], jaw)
            rows = onto_face[:, self.inner].transpose(1, 0, 2, 3).reshape(-1, frames * 2, 3)
            product = np.matmul(rows, inner).reshape(-1, frames, 2, columns)
            out[:, self.inner] = product.transpose(1, 0, 2, 3)
            return out

        jacobian = np.empty((frames, n_points, 2, N_POSE + self.n))
        jacobian[..., :3] = -ROTATION_UNIT * np.matmul(lens, skew(turned))
        jacobian[..., 3:N_POSE] = TRANSLATION_UNIT * lens
        jacobian[..., N_POSE:] = along(face.shapes[self.inner], basis[1])
        identity = along(face.identity[self.inner], basis[2]) if self.solve_identity else None
        return image, scale, jacobian, identity

    def whitened(self, array, root):
        """(T, p, 2, k) -> rows (T, 2 (p + pairs), k) in standard deviations."""
        array = self._oriented(self._with_pairs(array))
        array *= root[..., None, None]
        return array.reshape(self.frames, -1, array.shape[-1])

    def equations(self, state, basis):
        """Residual (T, rows) and its derivative (T, rows, 6 + n), in standard deviations; `by_identity`, root of the
        precisions, scale."""
        image, scale, jacobian, by_identity = self.jacobian(state, basis)
        residual = self.residual(image, scale)
        size = np.linalg.norm(residual, axis=-1)
        edge = self.settings.huber * self.settings.noise_mm
        root = np.sqrt(self.precision * np.where(size > edge, edge / np.maximum(size, 1e-9), 1.0))
        residual = (residual * root[..., None]).reshape(self.frames, -1)
        return residual, self.whitened(jacobian, root), by_identity, root, scale

    def covariance(self, state):
        """Covariance (n, n) of one frame's variables about their estimates, of a chain of many such frames.

        With the frames' mean information A and the coupling C, the mean of (A + (2 - 2 cos w) C)^-1 over all w.
        """
        jacobian = self.equations(state, self.basis(self.jaw_vertices(state)))[1]
        known = np.matmul(jacobian.transpose(0, 2, 1), jacobian).mean(0)
        known[:N_POSE, :N_POSE] += 1e-4 * np.eye(N_POSE)
        known[N_POSE:, N_POSE:] += self.face.precision + np.diag(self.target_precision.mean(0))
        turns = 2 - 2 * np.cos(np.pi * (np.arange(_TURNS) + 0.5) / _TURNS)
        return np.mean([np.linalg.inv(known + np.diag(t * self.coupling)) for t in turns], 0)[N_POSE:, N_POSE:]

    def step(self, state, jaw, *, freeze):
        """One Gauss-Newton step. `freeze` keeps the weights at zero.

        Returns
        -------
        x : ndarray (T, 6 + n), pose increments and new variables
        identity_step : ndarray (k,)
        basis, scale : what `energy` needs to judge the step
        """
        clip, settings, face = self.clip, self.settings, self.face
        basis = self.basis(jaw)
        residual, jacobian, by_identity, root, scale = self.equations(state, basis)
        transposed = jacobian.transpose(0, 2, 1)

        start = np.zeros((self.frames, N_POSE + self.n))
        start[:, N_POSE:] = state.variables
        blocks = np.matmul(transposed, jacobian)
        linear = np.matmul(transposed, residual[..., None])[..., 0] + np.matmul(blocks, start[..., None])[..., 0]
        index = np.arange(N_POSE, N_POSE + self.n)
        blocks[:, N_POSE:, N_POSE:] += self.prior_root[:, :, None] * face.precision * self.prior_root[:, None]
        blocks[:, index, index] += self.target_precision
        if clip.contact is not None:
            blocks[:, N_POSE:, N_POSE:] += clip.contact[:, None, None] * (face.gaps.T @ face.gaps)
        blocks[:, np.arange(N_POSE), np.arange(N_POSE)] += 1e-4
        linear[:, N_POSE:] += self.target_precision * self.target
        linear[:, N_POSE:] -= settings.sparsity * self.prior_scale * face.sparsity
        if clip.chain:
            drift = self._differences(state) * self.coupling
            linear[1:, :N_POSE] -= drift[:, :N_POSE]
            linear[:-1, :N_POSE] += drift[:, :N_POSE]
        pose = np.full(N_POSE, _LARGEST_STEP)
        lower, upper = np.append(-pose, face.lower), np.append(pose, face.upper)
        if freeze:
            lower[N_POSE:] = upper[N_POSE:] = 0.0

        if by_identity is None:
            x, _ = solve_bounded_chain(blocks, linear, self.coupling, lower, upper, start, max_iterations=3)
            return x, np.zeros_like(state.identity), basis, scale
        by_identity = self.whitened(by_identity, root)
        right = np.matmul(transposed, by_identity)
        x, extra = solve_bounded_chain(
            blocks, linear, self.coupling, lower, upper, start, max_iterations=10, right=right
        )
        flat = by_identity.reshape(-1, by_identity.shape[-1])
        complement = self.frames * np.eye(flat.shape[1]) + flat.T @ flat - np.tensordot(right, extra, ((0, 1), (0, 1)))
        left = residual - np.matmul(jacobian, (x - start)[..., None])[..., 0]
        identity_step = np.linalg.solve(complement, flat.T @ left.ravel() - self.frames * state.identity)
        x = np.clip(x - extra @ identity_step, lower, upper)
        return x, identity_step, basis, scale


def covariance(face: Face, clip: Clip, settings: FitSettings, state: State) -> np.ndarray:
    """How well a clip's frames tell their variables: covariance (n, n) about the fit `state`, mean over frames."""
    return _Problem(face, clip, settings, False).covariance(state)


def fit(
    face: Face,
    clip: Clip,
    settings: FitSettings,
    *,
    solve_identity: bool = False,
    frozen_iterations: int = 0,
    start: State | None = None,
) -> tuple[State, np.ndarray, list[float]]:
    """Fit pose and weights of all frames, and identity if asked.

    Parameters
    ----------
    face : `Face`
    clip : `Clip`
    settings : `FitSettings`
    solve_identity : bool, seek the identity coefficients of `face` too
    frozen_iterations : int, first iterations with all weights at zero
    start : `State` or None, where to begin; None begins with scaled orthography and zero weights

    Returns
    -------
    state : `State`
    projected : ndarray (T, p, 2), pixels from the principal point, y up, without the detector's errors
    energies : list of float, the energy after each iteration
    """
    if start is None:
        inner = face.profile.inner
        rotation, translation = initial_pose(face.neutral[inner], clip.observed[:, inner], focal=clip.focal)
        start = State(
            rotation, translation, np.zeros((len(rotation), face.shapes.shape[-1])), np.zeros(face.identity.shape[-1])
        )
    state = start
    problem = _Problem(face, clip, settings, solve_identity)
    energies = []
    for iteration in range(settings.iterations):
        freeze = iteration < frozen_iterations
        jaw = problem.jaw_vertices(state)
        x, identity_step, basis, scale = problem.step(state, jaw, freeze=freeze)
        before, length = problem.energy(state, basis, scale), 1.0
        while True:
            trial = state.moved(x, identity_step, length)
            after = problem.energy(trial, basis, scale)
            if after < before or length < 0.05:
                break
            length *= 0.5
        if after < before:
            state = trial
        energies.append(min(after, before))
        if not freeze and before - after < 1e-4 * before:
            break
    shown = replace(state, variables=state.variables * (np.arange(problem.n) < len(face.mixing.names)))
    return state, problem.project(shown, problem.jaw_vertices(shown)), energies
