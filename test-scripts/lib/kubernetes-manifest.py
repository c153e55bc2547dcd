#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Manifests of Kubernetes, for tests.

usage: kubernetes-manifest.py check FILE...           every key and type, by the client library's models, and every reference
       kubernetes-manifest.py podman FILE IMAGE NODE  options and image for `podman run`, one a line, that give
                                                      the DaemonSet's container the same rights and mounts
       kubernetes-manifest.py config FILE KEY         a key of the ConfigMap
       kubernetes-manifest.py get FILE KIND PATH      a member, such as spec.template, as JSON

The models are those of Debian's python3-kubernetes; for a kind that it does not have (a custom resource)
`check` looks at apiVersion, kind and metadata.
"""
import json
import os
import re
import sys
import tempfile

import yaml

SCALARS = {'str': str, 'int': int, 'bool': bool, 'float': (int, float)}


class Loader(yaml.SafeLoader):
    """A key twice in one mapping is an error, as in the API server's strict mode."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key) for key, _ in node.value]
        twice = {key for key in keys if keys.count(key) > 1}
        if twice:
            raise yaml.YAMLError(f'twice: {twice} {node.start_mark}')
        return super().construct_mapping(node, deep)


def documents(path):
    with open(path, encoding='utf-8') as file:
        return list(yaml.load_all(file, Loader))


def check(value, kind, where):
    """Yield what is wrong with a value that should be of a kind, as the models spell it."""
    if match := re.fullmatch(r'list\[(.*)\]', kind):
        if not isinstance(value, list):
            yield f'{where}: not a list'
            return
        for number, item in enumerate(value):
            yield from check(item, match[1], f'{where}[{number}]')
    elif match := re.fullmatch(r'dict\(str, (.*)\)', kind):
        if not isinstance(value, dict):
            yield f'{where}: not a mapping'
            return
        for key, item in value.items():
            if not isinstance(key, str):
                yield f'{where}: the key {key!r} is not a string'
            yield from check(item, match[1], f'{where}.{key}')
    elif kind in SCALARS:
        if not isinstance(value, SCALARS[kind]) or (isinstance(value, bool) and kind != 'bool'):
            yield f'{where}: {value!r} is not {kind}'
    elif kind == 'object':
        # A quantity, or a number or percentage.
        if not isinstance(value, (str, int)):
            yield f'{where}: {value!r} is neither text nor a number'
    else:
        from kubernetes.client import models  # takes a second
        yield from check_model(value, getattr(models, kind), where)


def check_model(value, model, where):
    if not isinstance(value, dict):
        yield f'{where}: not a mapping'
        return
    kinds = {model.attribute_map[name]: kind for name, kind in model.openapi_types.items()}
    for key, item in value.items():
        if key not in kinds:
            yield f'{where}: there is no {key}'
        else:
            yield from check(item, kinds[key], f'{where}.{key}')
    names = {name: value.get(key) for name, key in model.attribute_map.items()}
    try:
        model(**names)  # what must be there, and what must be one of a few
    except ValueError as error:
        yield f'{where}: {error}'


def check_file(path):
    from kubernetes.client import models
    for document in documents(path):
        group, _, version = document['apiVersion'].rpartition('/')
        model = getattr(models, version.capitalize() + document['kind'], None) if group in ('', 'apps') else None
        if model:
            yield from check_model(document, model, document['kind'])
        else:
            yield from check_model(document['metadata'], models.V1ObjectMeta, 'metadata')
            yield from (f'no {key}' for key in ('apiVersion', 'kind', 'spec') if key not in document)
    if any(document['kind'] == 'DaemonSet' for document in documents(path)):
        yield from dangling(path)


def find(path, kind):
    return next(document for document in documents(path) if document['kind'] == kind)


def dangling(path):
    """Yield what the DaemonSet refers to and nothing has."""
    have = {(document['kind'], document['metadata']['name']) for document in documents(path)}
    places = {document['metadata'].get('namespace') for document in documents(path)} - {None}
    yield from (f'no Namespace {place}' for place in places if ('Namespace', place) not in have)
    spec = find(path, 'DaemonSet')['spec']
    pod = spec.get('template', {}).get('spec')
    if pod is None or 'serviceAccountName' not in pod:
        return  # said already
    labels = spec['template']['metadata']['labels']
    yield from (f'{key} is not a label of the pods' for key, value in spec['selector']['matchLabels'].items()
                if labels.get(key) != value)
    wanted = {('ServiceAccount', pod['serviceAccountName'])}
    wanted |= {('ConfigMap', volume['configMap']['name']) for volume in pod['volumes'] if 'configMap' in volume}
    yield from (f'no {kind} {name}' for kind, name in wanted - have)
    volumes = {volume['name'] for volume in pod['volumes']}
    mounts = {mount['name'] for container in pod['containers'] for mount in container['volumeMounts']}
    yield from (f'volume or mount without the other: {name}' for name in volumes ^ mounts)


def member(value, path):
    for key in path.split('.'):
        value = value[int(key)] if isinstance(value, list) else value[key]
    return value


def podman_options(path, image, node):
    """Limits of resources are left out: they are the control group's, which a test has none of."""
    pod = member(find(path, 'DaemonSet'), 'spec.template.spec')
    container, = pod['containers']
    security = container['securityContext']
    volumes = {volume['name']: volume for volume in pod['volumes']}
    assert pod['hostNetwork'] and security['privileged'] is False
    yield '--network=host'
    yield f'--user={security["runAsUser"]}:{security["runAsGroup"]}'
    for capability in security['capabilities']['drop']:
        yield f'--cap-drop={capability.lower()}'
    assert 'add' not in security['capabilities']
    if security['readOnlyRootFilesystem']:
        yield '--read-only'
        yield '--read-only-tmpfs=false'
    if security['allowPrivilegeEscalation'] is False:
        yield '--security-opt=no-new-privileges'
    for variable in container['env']:
        yield f'--env={variable["name"]}={variable["value"]}'
    for mount in container['volumeMounts']:
        volume = volumes.pop(mount['name'])
        if 'configMap' in volume:
            source = f'{tempfile.gettempdir()}/configmap'
            os.makedirs(source, exist_ok=True)
            for key, text in find(path, 'ConfigMap')['data'].items():
                with open(f'{source}/{key}', 'w', encoding='utf-8') as file:
                    file.write(text)
        else:
            source = node + volume['hostPath']['path']
            if volume['hostPath']['type'] == 'DirectoryOrCreate':
                os.makedirs(source, mode=0o755, exist_ok=True)
            assert os.path.isdir(source), source
        yield f'--volume={source}:{mount["mountPath"]}:{"ro" if mount.get("readOnly") else "rw"}'
    assert not volumes, 'volumes without a mount'
    yield image


def main(command, path, *arguments):
    if command == 'check':
        wrong = [f'{name}: {what}' for name in (path, *arguments) for what in check_file(name)]
        print('\n'.join(wrong))
        return 1 if wrong else 0
    if command == 'podman':
        print('\n'.join(podman_options(path, *arguments)))
    elif command == 'config':
        print(find(path, 'ConfigMap')['data'][arguments[0]], end='')
    elif command == 'get':
        print(json.dumps(member(find(path, arguments[0]), arguments[1])))
    else:
        sys.exit(__doc__)
    return 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
